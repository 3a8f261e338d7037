/** How the objects of a body are written: which columns in which order, and with what space. Learned from one row. */
import { TOKEN, TOKEN_STRIDE, type Tokens } from '../../codecs/tokens.ts';

const SPACE = 32;

export interface Layout {
  /** Index of the column of each member, in the order of the text. */
  readonly order: readonly number[];
  /** Spaces after each colon and after each comma: 0 or 1. */
  readonly afterColon: number;
  readonly afterComma: number;
}

export function layoutId({ order, afterColon, afterComma }: Layout): string {
  return `${order.join(',')};${afterColon};${afterComma}`;
}

function isSpaced(body: Uint8Array, at: number, count: number): boolean {
  return count === 0 || (count === 1 && body[at] === SPACE);
}

/**
 * The layout of the row whose tokens these are, with the column of each token; undefined when it has no regular one:
 * other white space, names with escapes, or no members at all.
 */
export function learnLayout(
  body: Uint8Array,
  tokens: Tokens,
  columns: readonly number[],
  start: number,
): Layout | undefined {
  let afterColon = -1;
  let afterComma = -1;
  let previousEnd = start + 1;
  for (let token = 0; token < tokens.count; token += 1) {
    const [keyStart = 0, keyEnd = 0, kind = 0, from = 0, to = 0] = tokens.data.subarray(token * TOKEN_STRIDE);
    const isQuoted = kind === TOKEN.text || kind === TOKEN.escaped;
    const valueStart = isQuoted ? from - 1 : from;
    const colonGap = valueStart - (keyEnd + 2);
    const nameGap = keyStart - 1 - previousEnd - (token === 0 ? 0 : 1);
    if (keyEnd < 0 || !isSpaced(body, keyEnd + 2, colonGap)) return undefined;
    if (token === 0 ? nameGap !== 0 : !isSpaced(body, keyStart - 2, nameGap)) return undefined;
    if (afterColon >= 0 && afterColon !== colonGap) return undefined;
    if (token > 0 && afterComma >= 0 && afterComma !== nameGap) return undefined;
    afterColon = colonGap;
    if (token > 0) afterComma = nameGap;
    previousEnd = isQuoted ? to + 1 : to;
  }
  if (tokens.count === 0) return undefined;
  return { order: columns, afterColon, afterComma: Math.max(afterComma, 0) };
}
