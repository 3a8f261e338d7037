/** Random tables of every kind of vector, in which few distinct values make equal cells and duplicate keys frequent. */
import fc from 'fast-check';
import type { Column, Columns } from '../../src/core/columns.ts';
import {
  boolVector,
  cellVector,
  dayVector,
  numberVector,
  textVector,
  type Vector,
  wideVector,
  wordVector,
} from '../../src/core/vectors.ts';

/** Texts as a vector of bytes. */
export function textsOf(texts: readonly string[], validity?: Uint8Array): Vector {
  const bytes = texts.map((text) => Buffer.from(text));
  const offsets = new Int32Array(texts.length + 1);
  bytes.forEach(({ length }, index) => {
    offsets[index + 1] = (offsets[index] ?? 0) + length;
  });
  return textVector(offsets, Buffer.concat(bytes), validity);
}

type Make = (seeds: readonly number[], validity: Uint8Array | undefined) => readonly [Partial<Column>, Vector];

const TEXTS = ['', 'a', 'b', 'é', 'e\u0301', `long ${'x'.repeat(60)}`, `long ${'x'.repeat(59)}y`];
const FLOATS = [0, -0, 0.5, Number.NaN, 1e300, 2 ** 53];
const WIDE = [0n, 5n, -5n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 62n];
const pick = <T>(from: readonly T[], seed: number): T => from[seed % from.length] as T;

const MAKERS: readonly Make[] = [
  (seeds, v) => [{ type: 'int' }, numberVector(Int32Array.from(seeds), v)],
  (seeds, v) => [{ type: 'int' }, numberVector(Int16Array.from(seeds), v)],
  (seeds, v) => [{ type: 'int' }, numberVector(Uint8Array.from(seeds), v)],
  (seeds, v) => [
    { type: 'float' },
    numberVector(
      Float64Array.from(seeds, (seed) => pick(FLOATS, seed)),
      v,
    ),
  ],
  (seeds, v) => [
    { type: 'bigint' },
    wideVector(
      BigInt64Array.from(seeds, (seed) => pick(WIDE, seed)),
      v,
    ),
  ],
  (seeds, v) => [{ type: 'bigint' }, wideVector(BigUint64Array.from(seeds, BigInt), v)],
  (seeds, v) => [
    { type: 'timestamp', unit: 'ms' },
    wideVector(
      BigInt64Array.from(seeds, (seed) => BigInt(seed * 1000)),
      v,
    ),
  ],
  (seeds, v) => [{ type: 'timestamp', unit: 's' }, wideVector(BigInt64Array.from(seeds, BigInt), v)],
  (seeds, v) => [
    { type: 'bool' },
    boolVector(
      Uint8Array.from(seeds, (seed) => seed % 2),
      v,
    ),
  ],
  (seeds, v) => [{ type: 'date' }, dayVector(Int32Array.from(seeds), v)],
  (seeds, v) => [
    { type: 'text' },
    textsOf(
      seeds.map((seed) => pick(TEXTS, seed)),
      v,
    ),
  ],
  (seeds, v) => [
    { type: 'json' },
    textsOf(
      seeds.map((seed) => pick(['{"x":1}', '{ "x":1.0 }', '[]', 'null'], seed)),
      v,
    ),
  ],
  (seeds, v) => [
    { type: 'text' },
    wordVector(
      Int32Array.from(seeds, (seed) => seed % 3),
      ['b', 'a', ''],
      v,
    ),
  ],
  (seeds, v) => [
    { type: 'text' },
    wordVector(
      Int32Array.from(seeds, (seed) => seed % 2),
      ['a', 'c'],
      v,
    ),
  ],
  (seeds) => [{ type: 'decimal' }, cellVector(seeds.map((seed) => pick(['1', '1.0', '0.5', null], seed)))],
  (seeds) => [{ type: 'bytes' }, cellVector(seeds.map((seed) => Uint8Array.of(seed % 3)))],
];

export interface TableSeed {
  readonly makers: readonly number[];
  readonly cells: readonly (readonly number[])[];
  readonly nulls: readonly (readonly number[])[];
}

/** Columns of some makers; column names say nothing about what is in them. */
function table(keys: readonly number[], keyMaker: number, { makers, cells, nulls }: TableSeed): Columns {
  const rows = keys.length;
  const columns: Column[] = [];
  const vectors: Vector[] = [];
  const add = (
    name: string,
    maker: number,
    seeds: readonly number[],
    validity: Uint8Array | undefined,
  ): void => {
    const [about, vector] = pick(MAKERS, maker)(seeds, validity);
    columns.push({ name, type: 'int', nullable: true, key: false, ...about });
    vectors.push(vector);
  };
  add('id', keyMaker, keys, undefined);
  makers.forEach((maker, index) => {
    const validity = nulls[index]
      ? Uint8Array.from({ length: rows }, (_, row) => nulls[index]?.[row] ?? 1)
      : undefined;
    add(
      `c${index}`,
      maker,
      Array.from({ length: rows }, (_, row) => cells[index]?.[row] ?? 0),
      validity,
    );
  });
  return { columns, rows: Array.from({ length: rows }, (_, row) => row), vectors };
}

const bits = fc.array(fc.constantFrom(0, 1, 1, 1), { maxLength: 12 });
const seeds = fc.array(fc.nat(5), { maxLength: 12 });
const tableSeed = fc.record({
  makers: fc.array(fc.nat(MAKERS.length - 1), { minLength: 1, maxLength: 3 }),
  cells: fc.array(seeds, { minLength: 3, maxLength: 3 }),
  nulls: fc.array(bits, { maxLength: 3 }),
});
const keyMaker = fc.constantFrom(0, 1, 2, 4, 5, 6, 7, 10, 12);

/** Two tables: of one layout or of two, with rising keys or with any. */
export const tables: fc.Arbitrary<readonly [Columns, Columns]> = fc
  .record({
    first: tableSeed,
    second: fc.option(tableSeed),
    cells: fc.option(fc.array(seeds, { minLength: 3, maxLength: 3 })),
    keys: fc.tuple(seeds, seeds),
    rising: fc.boolean(),
    makers: fc.tuple(keyMaker, fc.option(keyMaker)),
  })
  .map(({ first, second, cells, keys, rising, makers }) => {
    const other = second ?? { ...first, cells: cells ?? first.cells };
    const [left, right] = rising ? [keys[0].map((_, row) => row), keys[0].map((_, row) => row)] : keys;
    return [table(left, makers[0], first), table(right, makers[1] ?? makers[0], other)] as const;
  });
