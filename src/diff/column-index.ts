/**
 * Keys of the rows of two sides as 32-bit numbers.
 *
 * J1 two rows are of one key only if their cells were compared, or if the number is the key (32-bit integers). J2 null is a
 * key like any other. J3 numbers that stand for other keys depend on a seed of this comparison, so that nobody can choose
 * keys of one number.
 */
import type { Columns } from '../core/columns.ts';
import type { TextVector, Vector } from '../core/vectors.ts';
import { type ColumnPair, cellValue, pairColumns, sideOf } from './column-pair.ts';
import { type HashSeed, hashBytes, hashText, randomSeed } from './keyed-hash.ts';
import type { InTurns } from './pace.ts';
import { keyPart, valueKey } from './row-key.ts';
import { type DiffRules, keyRule } from './rules.ts';

export type IsSameKey = (x: number, y: number) => boolean;

/** Keys of the rows of both sides, comparable by number. */
export interface KeyHashes {
  readonly a: Int32Array;
  readonly b: Int32Array;
  /** Whether rows of one hash have one key: rows of A, or of B as their number + `b0`; undefined when all of them have. */
  readonly isSame: IsSameKey | undefined;
  /** Rows of A; B's are counted from here on in `isSame`. */
  readonly b0: number;
  /** Whether the key cells of rows of one key are the same by the rules, so that nobody has to look at them again. */
  readonly isCompared: boolean;
}

/** Hashes rows `from` to `to` of a side. @returns false when this way cannot do it */
type Fill = (hashes: Int32Array, from: number, to: number) => boolean;

/** One way to hash keys. */
interface KeyHasher {
  readonly a: Fill;
  readonly b: Fill;
  readonly isSame: KeyHashes['isSame'];
  /** Whether rows of one key have the same cells. */
  readonly isExact: boolean;
  /** About how long a row takes. */
  readonly rowNs: number;
}

/** Of a column of integers without nulls, as long as all of them fit 32 bits. */
function fillIntegers(vector: Vector | undefined): Fill | undefined {
  if (vector?.kind === 'number' && !vector.validity) {
    const { data } = vector;
    if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Uint32Array)
      return undefined;
    return (hashes, from, to) => {
      for (let row = from; row < to; row += 1) hashes[row] = data[row] ?? 0;
      return true;
    };
  }
  if (vector?.kind !== 'wide' || vector.validity) return undefined;
  const halves = new Int32Array(vector.data.buffer, vector.data.byteOffset, vector.length * 2);
  const isSigned = vector.data instanceof BigInt64Array;
  return (hashes, from, to) => {
    for (let row = from; row < to; row += 1) {
      const low = halves[2 * row] ?? 0;
      if ((halves[2 * row + 1] ?? 0) !== low >> 31 || (!isSigned && low < 0)) return false;
      hashes[row] = low;
    }
    return true;
  };
}

function integerHasher({ a, b }: ColumnPair): KeyHasher | undefined {
  const areTimes = [a, b].filter((side) => side?.column.type === 'timestamp').length;
  if (areTimes === 1 || a?.column.unit !== b?.column.unit) return undefined;
  const [fillA, fillB] = [fillIntegers(a?.vector), fillIntegers(b?.vector)];
  return fillA && fillB && { a: fillA, b: fillB, isSame: undefined, isExact: true, rowNs: 4 };
}

function fillBytes({ offsets, data }: TextVector, seed: HashSeed): Fill {
  return (hashes, from, to) => {
    for (let row = from; row < to; row += 1)
      hashes[row] = hashBytes(data, offsets[row] ?? 0, offsets[row + 1] ?? 0, seed);
    return true;
  };
}

/** One text column without nulls on both sides: hashed and compared as bytes. */
function textHasher({ a, b, rule }: ColumnPair, seed: HashSeed): KeyHasher | undefined {
  const [x, y] = [a?.vector, b?.vector];
  if (x?.kind !== 'text' || y?.kind !== 'text' || x.validity || y.validity) return undefined;
  const isText = a?.column.type === 'text' && b?.column.type === 'text';
  if (!isText || rule.isNfc || rule.isSpelled || rule.granularity !== undefined) return undefined;
  const b0 = x.length;
  const sliceOf = (row: number): Uint8Array => {
    const [vector, at] = row < b0 ? [x, row] : [y, row - b0];
    return vector.data.subarray(vector.offsets[at], vector.offsets[at + 1]);
  };
  const isSame: IsSameKey = (p, q) => Buffer.compare(sliceOf(p), sliceOf(q)) === 0;
  return { a: fillBytes(x, seed), b: fillBytes(y, seed), isSame, isExact: true, rowNs: 60 };
}

/** Any columns: the key of each row as one text. */
function generalHasher(pairs: readonly ColumnPair[], rowsA: number, rowsB: number, seed: HashSeed): KeyHasher {
  const texts: string[] = new Array(rowsA + rowsB).fill('');
  const fill =
    (side: 'a' | 'b', first: number): Fill =>
    (hashes, from, to) => {
      for (let row = from; row < to; row += 1) {
        const parts = pairs.map((pair) => {
          const isTime =
            pair.rule.granularity !== undefined ||
            pair.a?.column.type === 'timestamp' ||
            pair.b?.column.type === 'timestamp';
          return keyPart(valueKey(cellValue(pair[side], row), pair.rule, isTime));
        });
        const text = parts.join('|');
        texts[first + row] = text;
        hashes[row] = hashText(text, seed);
      }
      return true;
    };
  const isSame: IsSameKey = (x, y) => texts[x] === texts[y];
  return { a: fill('a', 0), b: fill('b', rowsA), isSame, isExact: false, rowNs: 1000 };
}

async function hashBy(
  hasher: KeyHasher,
  rowsA: number,
  rowsB: number,
  inTurns: InTurns,
): Promise<KeyHashes | undefined> {
  const [a, b] = [new Int32Array(rowsA), new Int32Array(rowsB)];
  let isDone = true;
  await inTurns(rowsA, hasher.rowNs, (from, to) => {
    isDone &&= hasher.a(a, from, to);
  });
  await inTurns(rowsB, hasher.rowNs, (from, to) => {
    isDone &&= hasher.b(b, from, to);
  });
  return isDone ? { a, b, b0: rowsA, isSame: hasher.isSame, isCompared: hasher.isExact } : undefined;
}

/** The keys of two sides, by the fastest way that is exact for their columns. */
export async function hashKeys(
  a: Columns,
  b: Columns,
  fields: readonly string[],
  rules: DiffRules,
  inTurns: InTurns,
): Promise<KeyHashes> {
  const pairs = fields.map((name) => pairColumns(name, keyRule(name, rules), sideOf(a, name), sideOf(b, name)));
  const [only] = pairs;
  const [rowsA, rowsB] = [a.rows.length, b.rows.length];
  const seed = randomSeed();
  const fast = only && pairs.length === 1 ? (integerHasher(only) ?? textHasher(only, seed)) : undefined;
  const hashes = fast && (await hashBy(fast, rowsA, rowsB, inTurns));
  if (hashes) return hashes;
  const general = await hashBy(generalHasher(pairs, rowsA, rowsB, seed), rowsA, rowsB, inTurns);
  if (!general) throw new RangeError('the general way hashes any key');
  return general;
}
