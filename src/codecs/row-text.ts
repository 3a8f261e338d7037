/** Text of the rows of a body, cheaper than a decoder of its own for each of them. */
import { decodeText, type Place } from './codec.ts';
import { Utf8Check } from './utf8-check.ts';

interface BodyText {
  readonly buffer: Buffer;
  readonly utf8: Utf8Check;
}

// What was found out about a body goes away with it.
const bodies = new WeakMap<Uint8Array, BodyText>();

function bodyTextOf(body: Uint8Array): BodyText {
  const known = bodies.get(body);
  if (known) return known;
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = { buffer, utf8: new Utf8Check(body) };
  bodies.set(body, text);
  return text;
}

/**
 * Text of a row that is a view into the body.
 * @throws InputError ROW_NOT_UTF8
 */
export function decodeRowText(row: Uint8Array, place: Place, body: Uint8Array): string {
  const start = row.byteOffset - body.byteOffset;
  const end = start + row.byteLength;
  const { buffer, utf8 } = bodyTextOf(body);
  const isView = row.buffer === body.buffer && start >= 0 && end <= body.byteLength;
  return isView && utf8.isValid(start, end) ? buffer.toString('utf8', start, end) : decodeText(row, place);
}
