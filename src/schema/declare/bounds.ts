/** Bounds of numbers: what `minimum`, `exclusiveMaximum` and the like leave, and the narrowest integer that holds it. */
import { type JsonObject, keywordOf, refuseKeyword, showKeyword } from './json-object.ts';

/** Both ends belong to the range; undefined = open. */
export interface Bounds {
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

export const BOUND_KEYWORDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const;

/** Widths in the order they are tried, with the range that each holds. */
const WIDTHS: readonly (readonly [name: string, min: number, max: number])[] = [
  ['uint8', 0, 2 ** 8 - 1],
  ['int8', -(2 ** 7), 2 ** 7 - 1],
  ['uint16', 0, 2 ** 16 - 1],
  ['int16', -(2 ** 15), 2 ** 15 - 1],
  ['uint32', 0, 2 ** 32 - 1],
  ['int32', -(2 ** 31), 2 ** 31 - 1],
];

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);

/** The smallest double above `value`. */
export function nextUp(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  float[0] = value;
  bits[0] = (bits[0] ?? 0n) + (value > 0 ? 1n : -1n);
  return float[0] ?? value;
}

/** The largest double below `value`. */
export function nextDown(value: number): number {
  return -nextUp(-value);
}

function readNumber(schema: JsonObject, keyword: string, path: string): number | undefined {
  const bound = keywordOf(schema, keyword);
  if (bound === undefined || (typeof bound === 'number' && Number.isFinite(bound))) return bound;
  return refuseKeyword(`${path}/${keyword}`, `expected a number, found ${showKeyword(bound)}`);
}

/** The first integer beyond an excluded bound; a double that large stands for more integers than one. */
function stepInteger(bound: number | undefined, up: boolean, path: string): number | undefined {
  if (bound === undefined) return undefined;
  const next = up ? Math.floor(bound) + 1 : Math.ceil(bound) - 1;
  return Number.isSafeInteger(next)
    ? next
    : refuseKeyword(path, 'beyond 2^53 only minimum and maximum are supported');
}

function step(bound: number | undefined, next: (value: number) => number, path: string): number | undefined {
  if (bound === undefined) return undefined;
  return Number.isFinite(next(bound)) ? next(bound) : refuseKeyword(path, 'leaves no number');
}

function tighter(a: number | undefined, b: number | undefined, pick: (a: number, b: number) => number) {
  return a === undefined || b === undefined ? (a ?? b) : pick(a, b);
}

/** The range that a schema of a number leaves. @throws SchemaError SCHEMA_UNSUPPORTED naming the keyword */
export function readBounds(schema: JsonObject, isInteger: boolean, path: string): Bounds {
  const above = readNumber(schema, 'exclusiveMinimum', path);
  const below = readNumber(schema, 'exclusiveMaximum', path);
  const first = isInteger
    ? stepInteger(above, true, `${path}/exclusiveMinimum`)
    : step(above, nextUp, `${path}/exclusiveMinimum`);
  const last = isInteger
    ? stepInteger(below, false, `${path}/exclusiveMaximum`)
    : step(below, nextDown, `${path}/exclusiveMaximum`);
  return {
    minimum: tighter(readNumber(schema, 'minimum', path), first, Math.max),
    maximum: tighter(readNumber(schema, 'maximum', path), last, Math.min),
  };
}

/** The narrowest integer that holds the range; 64 bits when a bound is open. */
export function integerName({ minimum, maximum }: Bounds): string {
  if (minimum !== undefined && maximum !== undefined) {
    const fitting = WIDTHS.find(([, min, max]) => minimum >= min && maximum <= max);
    if (fitting) return fitting[0];
  }
  // JSON.parse gives the largest int64 as 2^63, so only a bound clearly above it asks for an unsigned column.
  const isUnsigned = minimum !== undefined && minimum >= 0 && (maximum === undefined || maximum > 2 ** 63);
  return isUnsigned ? 'uint64' : 'int64';
}

function rangeOf(name: string): readonly [min: number, max: number] {
  const known = WIDTHS.find(([width]) => width === name);
  if (known) return [known[1], known[2]];
  if (name === 'uint64') return [0, 2 ** 64];
  return name === 'int64' ? [-(2 ** 63), 2 ** 63] : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
}

/** The bounds that the type itself does not already set. */
export function narrowBounds(name: string, { minimum, maximum }: Bounds): Bounds {
  const [low, high] = rangeOf(name);
  return {
    minimum: minimum !== undefined && minimum > low ? minimum : undefined,
    maximum: maximum !== undefined && maximum < high ? maximum : undefined,
  };
}

function spellEnd(
  inclusive: string,
  exclusive: string,
  bound: number | undefined,
  step: (value: number) => number,
) {
  if (bound === undefined) return {};
  const beyond = step(bound);
  // 5e-324 is how "above 0" looks from inside; the document says it as its author would.
  const isExclusive =
    Number.isFinite(beyond) && String(Math.abs(beyond)).length < String(Math.abs(bound)).length;
  return isExclusive ? { [exclusive]: beyond === 0 ? 0 : beyond } : { [inclusive]: bound };
}

/** The keywords that `readBounds` reads back as this range. */
export function spellBounds({ minimum, maximum }: Bounds, isInteger: boolean): JsonObject {
  if (isInteger) {
    return { ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }) };
  }
  return {
    ...spellEnd('minimum', 'exclusiveMinimum', minimum, nextDown),
    ...spellEnd('maximum', 'exclusiveMaximum', maximum, nextUp),
  };
}
