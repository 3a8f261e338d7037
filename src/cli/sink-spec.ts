/**
 * Sinks as text: `sqlite:FILE`, `influx:URL?db=…`, `http://…`. What is typed is kept in the data directory, so it holds no
 * credentials: those are taken from the environment, whenever the sink is opened.
 */
import { resolve } from 'node:path';
import { sqliteSink } from '../assembly/local-sinks.ts';
import { httpSink, influxSink } from '../assembly/network-sinks.ts';
import { ConfigError } from '../core/errors.ts';
import type { InfluxApi, InfluxPoint, InfluxSinkOptions } from '../sinks/influx-sink.ts';
import type { Sink } from '../sinks/sink.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Member of a record that its key travels in, named as the column of SQLite is. */
const KEY_FIELD = 'tierfall_key';

/** The text to keep, which says the same in any working directory. @throws ConfigError for what names no sink */
export function keptSpec(spec: string, cwd: string): string {
  const [, file] = /^sqlite:(.+)$/.exec(spec) ?? [];
  if (file !== undefined) return `sqlite:${resolve(cwd, file)}`;
  if (/^(?:influx:)?https?:\/\//.test(spec)) {
    // Opened once, so that what is wrong with it is told before anything is kept.
    void openSink(spec, undefined, {}).close?.();
    return spec;
  }
  throw new ConfigError(
    '--sink',
    `found ${JSON.stringify(spec.replaceAll(/\/\/\S*@/g, '//…@'))}, expected sqlite:FILE, influx:URL or http://…`,
    'Other sinks are set in a config file.',
  );
}

/** @param table of a sink that has tables or measurements. @throws ConfigError */
export function openSink(spec: string, table: string | undefined, env: Environment = process.env): Sink {
  if (spec.startsWith('sqlite:')) {
    return sqliteSink({ file: spec.slice('sqlite:'.length), table: table ?? 'records' });
  }
  const isInflux = spec.startsWith('influx:');
  try {
    return isInflux ? openInflux(spec.slice('influx:'.length), table, env) : openHttp(spec, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const example = isInflux ? 'influx:http://127.0.0.1:8086?db=NAME' : 'http://127.0.0.1:8080/records';
    const hint = `For example ${example}; TIERFALL_SINK_TOKEN, or TIERFALL_SINK_USER and TIERFALL_SINK_PASSWORD, are its credentials.`;
    throw new ConfigError('--sink', error.message, hint, error);
  }
}

function openHttp(url: string, env: Environment): Sink {
  const login = loginOf(env);
  const { TIERFALL_SINK_TOKEN: bearer } = env;
  const auth = bearer ? { bearer } : login;
  return httpSink({ url, keyField: KEY_FIELD, ...(auth && { auth }) });
}

/** Parameters that are options as they are. */
const PLAIN = ['db', 'rp', 'bucket', 'org'] as const;
const KNOWN: ReadonlySet<string> = new Set([
  ...PLAIN,
  ...['api', 'precision', 'measurement', 'tags', 'fields', 'time', 'unit', 'key-tag', 'key-field', 'gzip'],
]);

function openInflux(text: string, table: string | undefined, env: Environment): Sink {
  const url = URL.parse(text);
  // A copy: they are taken off the address.
  const given = new URLSearchParams(url?.search ?? '');
  const unknown = [...given.keys()].find((name) => !KNOWN.has(name));
  if (unknown !== undefined) {
    throw new ConfigError(unknown, 'is no parameter of influx:', `Known are ${[...KNOWN].join(', ')}.`);
  }
  if (url !== null) url.search = '';
  const value = (name: string): string | undefined => given.get(name) ?? undefined;
  const { TIERFALL_SINK_TOKEN: token } = env;
  const auth = token ? { token } : loginOf(env);
  const point = pointOf(value, table);
  const [api, precision] = [value('api'), value('precision')];
  return influxSink({
    url: url?.href ?? text,
    ...Object.fromEntries(PLAIN.flatMap((name) => (value(name) === undefined ? [] : [[name, value(name)]]))),
    ...(api && { api: api as InfluxApi }),
    ...(precision && { precision: precision as NonNullable<InfluxSinkOptions['precision']> }),
    compression: value('gzip') === 'false' ? 'none' : 'gzip',
    ...(point && { point }),
    ...(auth && { auth }),
  });
}

/** A field with the time makes points of records; without one the input is line protocol. */
function pointOf(
  value: (name: string) => string | undefined,
  table: string | undefined,
): InfluxPoint | undefined {
  const field = value('time');
  if (field === undefined) return undefined;
  const [tags, fields, unit, tag, keyField] = ['tags', 'fields', 'unit', 'key-tag', 'key-field'].map(value);
  const key = tag ? { tag } : keyField ? { field: keyField } : undefined;
  return {
    measurement: value('measurement') ?? table ?? 'records',
    time: { field, ...(unit && { unit: unit as 's' | 'ms' | 'us' | 'ns' }) },
    ...(tags && { tags: tags.split(',') }),
    ...(fields && { fields: fields.split(',') }),
    ...(key && { key }),
  };
}

function loginOf(env: Environment): { readonly user: string; readonly password: string } | undefined {
  const { TIERFALL_SINK_USER: user, TIERFALL_SINK_PASSWORD: password = '' } = env;
  return user ? { user, password } : undefined;
}
