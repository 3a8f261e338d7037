/**
 * Records as line protocol.
 *
 * L1 what line protocol cannot say is refused in words, row by row; nothing is cut, rounded or left out to fit. L2 an integer
 * is exact or refused. L3 two records of one request that would be one point and differ are told apart here, where it is
 * seen: the later one is refused, because the server would keep one of them without a word.
 */
import type { Column } from '../../core/columns.ts';
import type { TimeUnit } from '../../core/time-unit.ts';
import { columnsByName, readable } from '../described-cells.ts';
import type { SinkRecord, WriteRequest } from '../sink.ts';
import { faultOfName, type InfluxFieldType, type InfluxPoint, isPlain } from './options.ts';

/** A row as a line, or why it is none. */
export type Encoded = { readonly line: Buffer } | { readonly fault: string };

const TIME_MAX = 2n ** 63n - 2n;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const NANOSECONDS: Readonly<Record<TimeUnit, bigint>> = { s: 10n ** 9n, ms: 10n ** 6n, us: 1_000n, ns: 1n };

/** Thrown within this file, caught per row. */
class PointFault extends Error {}

/** One per record, in order. */
export function encodePoints(
  point: InfluxPoint,
  records: readonly SinkRecord[],
  request: Pick<WriteRequest, 'keys' | 'columns'>,
): readonly Encoded[] {
  const encoder = new PointEncoder(point, columnsByName(request));
  const seen = new Map<string, string>();
  const keys = point.key === undefined ? undefined : request.keys;
  return records.map((record, position) => {
    try {
      const { series, fields, time } = encoder.encode(record, keys?.[position]);
      const identity = `${series} ${time ?? ''}`;
      const former = seen.get(identity);
      if (former !== undefined && former !== fields && time !== undefined) {
        throw new PointFault('another record of the request is the same point (measurement, tags and time)');
      }
      seen.set(identity, fields);
      return { line: Buffer.from(`${series} ${fields}${time === undefined ? '' : ` ${time}`}`) };
    } catch (error) {
      if (error instanceof PointFault) return { fault: error.message };
      throw error;
    }
  });
}

class PointEncoder {
  readonly #point: InfluxPoint;
  readonly #columns: ReadonlyMap<string, Column>;
  readonly #tags: readonly string[];
  readonly #types: Readonly<Record<string, InfluxFieldType>>;
  readonly #fields: readonly string[] | undefined;
  /** Fields of the record that are something else than fields of the point. */
  readonly #others: ReadonlySet<string>;

  constructor(point: InfluxPoint, columns: ReadonlyMap<string, Column>) {
    const { tags = [], fields, measurement, time } = point;
    this.#point = point;
    this.#columns = columns;
    // In the order of their names, which spares the server the sorting.
    this.#tags = tags.toSorted();
    const isList = Array.isArray(fields);
    this.#types = fields === undefined || isList ? {} : (fields as Readonly<Record<string, InfluxFieldType>>);
    this.#fields =
      fields === undefined ? undefined : isList ? (fields as readonly string[]) : Object.keys(fields);
    const others = [...tags];
    if (typeof measurement === 'object') others.push(measurement.field);
    if (typeof time === 'object') others.push(time.field);
    this.#others = new Set(others);
  }

  encode(
    record: SinkRecord,
    key: string | undefined,
  ): { series: string; fields: string; time: bigint | undefined } {
    return { series: this.#series(record, key), fields: this.#fieldsOf(record, key), time: this.#time(record) };
  }

  #series(record: SinkRecord, key: string | undefined): string {
    const { measurement, key: own } = this.#point;
    const name = typeof measurement === 'string' ? measurement : record[measurement.field];
    if (typeof name !== 'string' || name === '' || !isPlain(name) || name.startsWith('#')) {
      throw new PointFault('the record has no name that a measurement can have');
    }
    const tags = this.#tags.map((tag) => tagOf(tag, readable(record[tag], this.#columns.get(tag))));
    if (own !== undefined && 'tag' in own) tags.push(`,${escapeName(own.tag)}=${encodeKeyTag(key ?? '')}`);
    return `${name.replaceAll(/[, ]/g, '\\$&')}${tags.join('')}`;
  }

  #fieldsOf(record: SinkRecord, key: string | undefined): string {
    const names = this.#fields ?? Object.keys(record).filter((name) => !this.#others.has(name));
    const { key: own } = this.#point;
    const fields = own !== undefined && 'field' in own ? [`${escapeName(own.field)}=${quoted(key ?? '')}`] : [];
    for (const name of names) {
      const value = readable(record[name], this.#columns.get(name));
      if (value === null || value === undefined) continue;
      const fault = faultOfName(name);
      if (fault !== undefined) throw new PointFault(fault);
      fields.push(
        `${escapeName(name)}=${fieldValue(name, value, Object.hasOwn(this.#types, name) ? this.#types[name] : undefined)}`,
      );
    }
    if (fields.length === 0) throw new PointFault('the record has no field, and a point needs one');
    return fields.join(',');
  }

  /** What the schema says, if there is one, is what the record holds. */
  #unit({ field, unit = 'ms' }: { readonly field: string; readonly unit?: TimeUnit }): TimeUnit {
    const column = this.#columns.get(field);
    return column?.type === 'timestamp' ? (column.unit ?? 'ms') : unit;
  }

  #time(record: SinkRecord): bigint | undefined {
    const { time } = this.#point;
    if (time === undefined) return undefined;
    const found = typeof time === 'function' ? time(record) : record[time.field];
    if (found === null || found === undefined) throw new PointFault('the record has no time');
    const count = typeof time === 'function' ? (found as bigint) : nanoseconds(found, this.#unit(time));
    if (typeof count !== 'bigint' || count > TIME_MAX || count < -TIME_MAX) {
      throw new PointFault('the time of the record is none that InfluxDB can hold');
    }
    return count;
  }
}

/** For messages: never the value itself, which may be long or secret, and would keep equal faults apart. */
function kindOf(value: unknown): string {
  if (value instanceof Uint8Array) return 'bytes';
  return typeof value === 'number' && !Number.isFinite(value)
    ? 'a number that is not finite'
    : `a ${typeof value}`;
}

function tagOf(name: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return '';
  if (typeof value === 'object') throw new PointFault(`the tag ${JSON.stringify(name)} is no single value`);
  const text = String(value);
  if (!isPlain(text))
    throw new PointFault(`the tag ${JSON.stringify(name)} holds what line protocol cannot write in a tag`);
  return `,${escapeName(name)}=${escapeName(text)}`;
}

function escapeName(text: string): string {
  return text.replaceAll(/[,= ]/g, '\\$&');
}

/** A key as a tag: any key, in letters that need no escape; the same key always the same tag. */
export function encodeKeyTag(key: string): string {
  const encoded = Buffer.from(key)
    .toString('latin1')
    .replaceAll(/[^\w.:~-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  // A tag is never empty; `%` alone is the encoding of no other key.
  return encoded === '' ? '%' : encoded;
}

function fieldValue(name: string, value: unknown, type: InfluxFieldType | undefined): string {
  switch (type ?? typeOf(value)) {
    case 'float':
      return floatText(name, value);
    case 'integer':
      return integerText(name, value);
    case 'boolean':
      if (typeof value === 'boolean') return value ? 'true' : 'false';
      throw unfit(name, value, 'boolean');
    case 'string':
      return quoted(textOf(value));
  }
}

function typeOf(value: unknown): InfluxFieldType {
  if (typeof value === 'number') return 'float';
  if (typeof value === 'bigint') return 'integer';
  return typeof value === 'boolean' ? 'boolean' : 'string';
}

function floatText(name: string, value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) throw unfit(name, value, 'float');
  return Object.is(value, -0) ? '-0' : String(value);
}

function integerText(name: string, value: unknown): string {
  const isWhole = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!isWhole) throw unfit(name, value, 'integer');
  const count = BigInt(value as bigint | number);
  if (count < INT64_MIN || count > INT64_MAX) throw unfit(name, value, 'integer');
  return `${count}i`;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

function unfit(name: string, value: unknown, type: InfluxFieldType): PointFault {
  const what = `holds ${kindOf(value)}, which is no ${type} of InfluxDB`;
  return new PointFault(`the field ${JSON.stringify(name)} ${what}`);
}

const ISO = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

function nanoseconds(value: unknown, unit: TimeUnit): bigint | undefined {
  if (typeof value === 'bigint') return value * NANOSECONDS[unit];
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? BigInt(value) * NANOSECONDS[unit] : undefined;
  const [, whole, fraction = '', zone] = (typeof value === 'string' && ISO.exec(value)) || [];
  const ms = whole !== undefined && isDay(whole) ? Date.parse(`${whole}${zone}`) : Number.NaN;
  return Number.isNaN(ms) ? undefined : BigInt(ms) * NANOSECONDS.ms + BigInt(fraction.padEnd(9, '0'));
}

/** The 31st of February would be read as a day of March. */
function isDay(whole: string): boolean {
  const ms = Date.parse(`${whole}Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(whole);
}
