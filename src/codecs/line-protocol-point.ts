/** Reads one point of line protocol into a flat record. */
import { type Place, rowError } from './codec.ts';

const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const SIGNED = /^[+-]?\d{1,20}i$/;
const UNSIGNED = /^\d{1,20}u$/;
const TIME = /^-?\d{1,19}$/;
const TRUE = new Set(['t', 'T', 'true', 'True', 'TRUE']);
const FALSE = new Set(['f', 'F', 'false', 'False', 'FALSE']);

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

  get char(): string | undefined {
    return this.text[this.at];
  }

  skipSpaces(): void {
    while (this.char === ' ' || this.char === '\t') this.at += 1;
  }

  /** A name up to one of `stops`; a backslash escapes what has a meaning there and is itself elsewhere. */
  readName(stops: string, what: string): string {
    let name = '';
    while (this.char !== undefined && !stops.includes(this.char)) {
      if (this.char === '\\' && this.at + 1 < this.text.length) {
        const next = this.text.charAt(this.at + 1);
        name += ', ='.includes(next) ? next : `\\${next}`;
        this.at += 2;
      } else {
        name += this.char;
        this.at += 1;
      }
    }
    return name === '' ? this.fail(`${what} is empty`) : name;
  }

  readString(): string {
    let text = '';
    for (this.at += 1; this.char !== '"'; this.at += 1) {
      if (this.char === undefined) this.fail('a string value is never closed');
      const next = this.text[this.at + 1];
      if (this.char === '\\' && (next === '"' || next === '\\')) this.at += 1;
      text += this.char;
    }
    this.at += 1;
    return text;
  }
}

function inRange(value: bigint, min: bigint, max: bigint, cursor: Cursor): bigint {
  return value < min || value > max ? cursor.fail(`${value} does not fit 64 bits`) : value;
}

function readScalar(text: string, cursor: Cursor): unknown {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  if (SIGNED.test(text))
    return inRange(BigInt(text.slice(text[0] === '+' ? 1 : 0, -1)), -(2n ** 63n), 2n ** 63n - 1n, cursor);
  if (UNSIGNED.test(text)) return inRange(BigInt(text.slice(0, -1)), 0n, 2n ** 64n - 1n, cursor);
  const number = FLOAT.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : cursor.fail(`${JSON.stringify(text)} is no field value`);
}

function readValue(cursor: Cursor): unknown {
  if (cursor.char === '"') return cursor.readString();
  const start = cursor.at;
  while (cursor.char !== undefined && cursor.char !== ',' && cursor.char !== ' ') cursor.at += 1;
  return readScalar(cursor.text.slice(start, cursor.at), cursor);
}

function put(record: Record<string, unknown>, name: string, value: unknown, cursor: Cursor): void {
  // Two values under one name cannot both survive in a flat record, so the row is refused whole.
  if (Object.hasOwn(record, name)) cursor.fail(`${JSON.stringify(name)} occurs twice`);
  record[name] = value;
}

function expect(cursor: Cursor, char: string): void {
  if (cursor.char !== char) cursor.fail(`expected ${JSON.stringify(char)} at character ${cursor.at + 1}`);
  cursor.at += 1;
}

function readTime(cursor: Cursor): bigint | undefined {
  const text = cursor.text.slice(cursor.at).trim();
  if (text === '') return undefined;
  if (!TIME.test(text)) cursor.fail(`${JSON.stringify(text)} is no timestamp`);
  return inRange(BigInt(text), -(2n ** 63n), 2n ** 63n - 1n, cursor);
}

/**
 * `{ measurement, …tags, …fields, time }`; integers and the timestamp are bigint, `time` is absent when the point
 * has none.
 * @throws InputError ROW_UNDECODABLE; also when two of them share a name
 */
export function readPoint(text: string, place: Place): unknown {
  const cursor = new Cursor(text, place);
  const record: Record<string, unknown> = Object.create(null);
  cursor.skipSpaces();
  put(record, 'measurement', cursor.readName(', ', 'the measurement'), cursor);
  while (cursor.char === ',') {
    cursor.at += 1;
    const tag = cursor.readName(', =', 'a tag name');
    expect(cursor, '=');
    put(record, tag, cursor.readName(', ', `the value of tag ${tag}`), cursor);
  }
  cursor.skipSpaces();
  for (;;) {
    const field = cursor.readName(', =', 'a field name');
    expect(cursor, '=');
    put(record, field, readValue(cursor), cursor);
    if (cursor.char !== ',') break;
    cursor.at += 1;
  }
  if (cursor.char !== undefined && cursor.char !== ' ')
    cursor.fail(`unexpected ${JSON.stringify(cursor.char)}`);
  const time = readTime(cursor);
  if (time !== undefined) put(record, 'time', time, cursor);
  return record;
}
