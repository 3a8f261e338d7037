/** Numbers of JSON that are judged by their text, because their double has lost some of it. */
import { TOKEN } from '../../codecs/tokens.ts';
import type { ColumnType } from '../../core/columns.ts';

/** So many digits and a point are always a spelling of their double. */
const PLAIN_LENGTH = 16;
const INTEGER = /^-?\d+$/;

function isNumeric(type: ColumnType): boolean {
  return type === 'float' || type === 'decimal' || type === 'int' || type === 'bigint';
}

/** The text of a number token, when the shortest spelling of its double is another text; a whole number is exact as a bigint. */
export function longSpelling(body: Uint8Array, kind: number, start: number, end: number): string | undefined {
  if (kind !== TOKEN.number || end - start <= PLAIN_LENGTH) return undefined;
  const text = Buffer.from(body.buffer, body.byteOffset + start, end - start).toString('latin1');
  return INTEGER.test(text) || String(Number(text)) === text ? undefined : text;
}

/**
 * The text of a number token for a column of numbers, when the shortest spelling of its double is another text; then it is
 * to be read in the dialect `text`. Undefined for all others.
 */
export function exactText(
  body: Uint8Array,
  kind: number,
  start: number,
  end: number,
  type: ColumnType,
): string | undefined {
  return isNumeric(type) ? longSpelling(body, kind, start, end) : undefined;
}
