/** What the InfluxDB sink can be told, and what it refuses. */
import { ConfigError } from '../../core/errors.ts';
import type { TimeUnit } from '../../core/time-unit.ts';
import { checkConnection, checkCount, type HttpConnectionOptions, parseServerUrl } from '../http/options.ts';
import type { SinkRecord } from '../sink.ts';

export const INFLUX_APIS = ['v1', 'v2', 'v3'] as const;
export type InfluxApi = (typeof INFLUX_APIS)[number];

/** How the value of a field is written; without one the value decides: a number is a float, a bigint an integer. */
export type InfluxFieldType = 'float' | 'integer' | 'boolean' | 'string';

/** Makes a point of a record. */
export interface InfluxPoint {
  /** Its name, or the field of the record that has it. */
  readonly measurement: string | { readonly field: string };
  /** Fields of the record that are tags. An empty tag, or null, is left out: InfluxDB has none. @default none */
  readonly tags?: readonly string[];
  /** Fields of the record that are fields of the point. @default all others */
  readonly fields?: readonly string[] | Readonly<Record<string, InfluxFieldType>>;
  /**
   * The field of the record with the time: ISO 8601 text, or a count of `unit` (`ms`) since 1970, which a schema that calls it
   * a timestamp knows better; or a function that answers nanoseconds.
   */
  readonly time?:
    | { readonly field: string; readonly unit?: TimeUnit }
    | ((record: SinkRecord) => bigint | undefined);
  /**
   * Carries the record's key as a tag or a field, which is what `lookup` asks for. A tag keeps records apart that are of one
   * series and time, and costs a series each; a field costs none, and finding it is a scan.
   */
  readonly key?: { readonly tag: string } | { readonly field: string };
}

export interface InfluxSinkOptions extends HttpConnectionOptions {
  /** Of the server, with the path that it is under if there is one: `http://db:8086`. */
  readonly url: string;
  /** `/write`, `/api/v2/write` or `/api/v3/write_lp`. @default 'v1' */
  readonly api?: InfluxApi;
  /** Of v1 and v3. */
  readonly db?: string;
  /** Retention policy of v1. @default the database's */
  readonly rp?: string;
  /** Of v2. */
  readonly bucket?: string;
  /** Of v2. */
  readonly org?: string;
  readonly auth?: { readonly token: string } | { readonly user: string; readonly password: string };
  /** Of the timestamps in batches of line protocol. @default 'ns' */
  readonly precision?: TimeUnit;
  /** Makes points of records. @default none: batches are line protocol, and their bytes are not touched */
  readonly point?: InfluxPoint;
  /**
   * Takes points without a time, which the server then gives its own: sent twice they are two points, so the sink is not
   * idempotent any more. Otherwise such a row is refused. @default false
   */
  readonly serverTime?: boolean;
  /** Points of one request. @default 5000 */
  readonly rowsMax?: number;
  /** Bytes of one request before compression. @default 4194304 */
  readonly bytesMax?: number;
  /** How long the server keeps points, milliseconds. @default not known */
  readonly retentionMs?: number;
  /** Whether keys can be looked up, where points carry them; v1 only, and not on VictoriaMetrics. @default true */
  readonly lookup?: boolean;
  /** @default `influx:` and the database or bucket */
  readonly name?: string;
}

const NEEDED = { v1: ['db'], v2: ['bucket', 'org'], v3: ['db'] } as const;

/** Names that InfluxDB keeps for itself; a field called `time` it drops without a word. */
const RESERVED: ReadonlySet<string> = new Set(['time', '_measurement', '_field']);

/** @throws ConfigError naming the option at fault */
export function checkInfluxOptions(options: InfluxSinkOptions): URL {
  const url = parseServerUrl(options.url);
  checkConnection(options);
  checkCount('rowsMax', options.rowsMax, 1);
  checkCount('bytesMax', options.bytesMax, 1);
  const { api = 'v1', precision = 'ns', point } = options;
  if (!INFLUX_APIS.includes(api)) {
    throw new ConfigError('api', `found ${JSON.stringify(api)}`, `Use one of ${INFLUX_APIS.join(', ')}.`);
  }
  if (!['ns', 'us', 'ms', 's'].includes(precision)) {
    throw new ConfigError('precision', `found ${JSON.stringify(precision)}`, 'Use one of ns, us, ms, s.');
  }
  for (const name of NEEDED[api]) {
    if (!options[name]) throw new ConfigError(name, 'is missing', `Points go to a ${name} of the server.`);
  }
  if (point !== undefined) checkPoint(point, options.serverTime ?? false);
  return url;
}

function checkPoint({ tags = [], fields = [], time, key }: InfluxPoint, serverTime: boolean): void {
  if (time === undefined && !serverTime) {
    throw new ConfigError(
      'point.time',
      'is missing',
      'Without a time of its own a point that is sent twice is two points; serverTime: true accepts that.',
    );
  }
  const own = key === undefined ? [] : Object.values(key);
  const names = [...tags, ...(Array.isArray(fields) ? fields : Object.keys(fields)), ...own];
  for (const name of names as readonly string[]) {
    const fault = faultOfName(name);
    if (fault !== undefined) throw new ConfigError('point', fault, 'Rename it in the record.');
  }
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) {
    throw new ConfigError(
      'point',
      `${JSON.stringify(twice)} is used twice`,
      'A name is a tag, a field or the key.',
    );
  }
}

/** What keeps a name from being that of a tag or a field. */
export function faultOfName(name: string): string | undefined {
  if (RESERVED.has(name))
    return `${JSON.stringify(name)} cannot name a tag or a field: InfluxDB keeps it for itself`;
  return name === '' || !isPlain(name) ? `${JSON.stringify(name)} cannot be written as a name` : undefined;
}

/**
 * Whether line protocol can write it outside of quotes: there is no way to write a line break, nor a backslash in front of
 * what has to be escaped.
 */
export function isPlain(text: string): boolean {
  return !/[\n\r\0]|\\(?:[,= \\]|$)/.test(text) && text.isWellFormed();
}
