/**
 * Reads one point of line protocol into a flat record, by the grammar that InfluxDB publishes for 1.x and 2.x.
 *
 * L1 a backslash escapes comma and space, in tags and in field names also the equals sign, and is itself everywhere else:
 * `\\,` is a backslash and a comma. In strings it escapes the quote and itself. L2 an unescaped equals sign has no place in
 * a tag value, control characters have none outside of strings. L3 measurement, tags, fields and time share one record, so a
 * point that uses a name twice is refused whole: one of the values would be lost.
 */
import { createBareRecord } from './bare-record.ts';
import { type Place, rowError } from './codec.ts';

// One way to match only: two runs of digits side by side would make a long number quadratic.
const FLOAT = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const SIGNED = /^-?\d+i$/;
const UNSIGNED = /^\d+u$/;
const TIME = /^-?\d+$/;
const TRUE = new Set(['t', 'T', 'true', 'True', 'TRUE']);
const FALSE = new Set(['f', 'F', 'false', 'False', 'FALSE']);

const QUOTE = 34;
const COMMA = 44;
const SPACE = 32;
const EQUALS = 61;
const BACKSLASH = 92;
const DELETE = 127;

/** Bytes of the measurement with its tags, and bytes of a field's name: the limit of InfluxDB. */
export const KEY_BYTES_MAX = 65_535;

/** The measurement as it was meant. */
export function unescapeMeasurement(spelled: string): string {
  return spelled.includes('\\') ? spelled.replaceAll(/\\([, ])/g, '$1') : spelled;
}

/** The name of a tag or field, or the value of a tag, as it was meant. */
export function unescapeName(spelled: string): string {
  return spelled.includes('\\') ? spelled.replaceAll(/\\([,= ])/g, '$1') : spelled;
}

/** The value of a string field, without its quotes, as it was meant. */
export function unescapeString(spelled: string): string {
  return spelled.includes('\\') ? spelled.replaceAll(/\\(["\\])/g, '$1') : spelled;
}

/** A position in the text of one point. */
class Cursor {
  readonly text: string;
  readonly place: Place;
  at = 0;

  constructor(text: string, place: Place) {
    this.text = text;
    this.place = place;
  }

  fail(why: string): never {
    throw rowError(this.place, why);
  }

  /** The code of the next character; NaN at the end. */
  get code(): number {
    return this.text.charCodeAt(this.at);
  }

  skipSpaces(): void {
    while (this.code === SPACE) this.at += 1;
  }

  /** A measurement, which may hold equals signs, or a name or value of tags and fields, which may not. */
  readName(what: string, mayHoldEquals: boolean): string {
    const start = this.at;
    const end = this.#findNameEnd(mayHoldEquals);
    if (end === start) this.fail(`${what} is empty`);
    this.at = end;
    const spelled = this.text.slice(start, end);
    return mayHoldEquals ? unescapeMeasurement(spelled) : unescapeName(spelled);
  }

  #findNameEnd(mayHoldEquals: boolean): number {
    const { text } = this;
    for (let at = this.at; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      const isSpecial = code === COMMA || code === SPACE || (code === EQUALS && !mayHoldEquals);
      if (isSpecial && (at === this.at || text.charCodeAt(at - 1) !== BACKSLASH)) return at;
      if (code < SPACE || code === DELETE) this.fail(`a control character at character ${at + 1}`);
    }
    return text.length;
  }

  readString(): string {
    const start = this.at + 1;
    for (let at = start; at < this.text.length; at += 1) {
      const code = this.text.charCodeAt(at);
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) {
        this.at = at + 1;
        return unescapeString(this.text.slice(start, at));
      }
    }
    return this.fail('a string value is never closed');
  }

  /** What stands before the next comma or space. */
  readWord(): string {
    const start = this.at;
    while (this.at < this.text.length && this.code !== COMMA && this.code !== SPACE) this.at += 1;
    return this.text.slice(start, this.at);
  }
}

function bytesOf(text: string): number {
  return text.length > KEY_BYTES_MAX / 3 ? Buffer.byteLength(text) : text.length;
}

function inRange(text: string, min: bigint, max: bigint, cursor: Cursor): bigint {
  const digits = text.replace(/^-?0*/, '');
  // A hostile number of a million digits is not worth converting.
  const size = digits.length > 20 ? 2n ** 64n : BigInt(digits);
  const value = text.startsWith('-') ? -size : size;
  return value < min || value > max ? cursor.fail(`${text} does not fit 64 bits`) : value;
}

function readScalar(text: string, cursor: Cursor): unknown {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  if (SIGNED.test(text)) return inRange(text.slice(0, -1), -(2n ** 63n), 2n ** 63n - 1n, cursor);
  if (UNSIGNED.test(text)) return inRange(text.slice(0, -1), 0n, 2n ** 64n - 1n, cursor);
  const number = FLOAT.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : cursor.fail(`${JSON.stringify(text)} is no field value`);
}

function put(record: Record<string, unknown>, name: string, value: unknown, cursor: Cursor): void {
  if (Object.hasOwn(record, name)) cursor.fail(`${JSON.stringify(name)} occurs twice`);
  record[name] = value;
}

function expectEquals(cursor: Cursor, name: string): void {
  if (cursor.code !== EQUALS) cursor.fail(`${JSON.stringify(name)} has no value`);
  cursor.at += 1;
}

function readTags(cursor: Cursor, record: Record<string, unknown>): void {
  const start = cursor.at;
  put(record, 'measurement', cursor.readName('the measurement', true), cursor);
  while (cursor.code === COMMA) {
    cursor.at += 1;
    const name = cursor.readName('a tag name', false);
    expectEquals(cursor, name);
    put(record, name, cursor.readName(`the value of tag ${name}`, false), cursor);
  }
  if (bytesOf(cursor.text.slice(start, cursor.at)) > KEY_BYTES_MAX)
    cursor.fail(`measurement and tags have more than ${KEY_BYTES_MAX} bytes`);
}

function readFields(cursor: Cursor, record: Record<string, unknown>): void {
  for (;;) {
    const start = cursor.at;
    const name = cursor.readName('a field name', false);
    if (bytesOf(cursor.text.slice(start, cursor.at)) > KEY_BYTES_MAX)
      cursor.fail(`a field name has more than ${KEY_BYTES_MAX} bytes`);
    expectEquals(cursor, name);
    put(
      record,
      name,
      cursor.code === QUOTE ? cursor.readString() : readScalar(cursor.readWord(), cursor),
      cursor,
    );
    if (cursor.code !== COMMA) return;
    cursor.at += 1;
  }
}

function readTime(cursor: Cursor): bigint | undefined {
  cursor.skipSpaces();
  const text = cursor.readWord();
  if (text === '')
    return cursor.at < cursor.text.length ? cursor.fail('a comma in place of the timestamp') : undefined;
  if (!TIME.test(text)) cursor.fail(`${JSON.stringify(text)} is no timestamp`);
  cursor.skipSpaces();
  if (cursor.at < cursor.text.length) cursor.fail(`text after the timestamp at character ${cursor.at + 1}`);
  return inRange(text, -(2n ** 63n), 2n ** 63n - 1n, cursor);
}

/**
 * `{ measurement, …tags, …fields, time }`; integers and the timestamp are bigint, `time` is absent when the point
 * has none.
 * @throws InputError ROW_UNDECODABLE; also when two of them share a name
 */
export function readPoint(text: string, place: Place): Record<string, unknown> {
  const cursor = new Cursor(text, place);
  const record = createBareRecord();
  cursor.skipSpaces();
  readTags(cursor, record);
  if (cursor.code === EQUALS) cursor.fail('an equals sign that is not escaped in a tag value');
  if (cursor.code !== SPACE) cursor.fail('there are no fields');
  cursor.skipSpaces();
  readFields(cursor, record);
  if (cursor.at < text.length && cursor.code !== SPACE)
    cursor.fail(`unexpected ${JSON.stringify(text.charAt(cursor.at))} at character ${cursor.at + 1}`);
  const time = readTime(cursor);
  if (time !== undefined) put(record, 'time', time, cursor);
  return record;
}
