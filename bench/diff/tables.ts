/** Tables of ten columns for the comparison of columns: rows by number, so that any order of them can be made. */
import type { Columns, ColumnType } from '../../src/core/columns.ts';
import {
  boolVector,
  numberVector,
  textVector,
  type Vector,
  wideVector,
  wordVector,
} from '../../src/core/vectors.ts';
import { randomOf } from '../telemetry-records.ts';

/** One row in a hundred differs, in one column. */
const CHANGED_EVERY = 100;
const WORDS = ['ok', 'idle', 'warn', 'fault', 'maintenance'];

/** A number that looks random and depends on row and column alone. */
function scatter(row: number, column: number): number {
  let mixed = Math.imul(row + 1, 0x9e3779b1) ^ Math.imul(column + 7, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

function deviceVector(order: Int32Array): Vector {
  const texts = Array.from({ length: 500 }, (_, device) => Buffer.from(`sensor-${device}`));
  const offsets = new Int32Array(order.length + 1);
  const data = new Uint8Array(order.length * 10);
  let at = 0;
  order.forEach((row, index) => {
    const text = texts[scatter(row, 6) % texts.length] ?? Buffer.alloc(0);
    data.set(text, at);
    at += text.length;
    offsets[index + 1] = at;
  });
  return textVector(offsets, data.subarray(0, at));
}

/** Keys all over the 32 bits, as hashes and random ids are. */
export function scatteredKey(row: number): number {
  return Math.imul(row, 0x9e3779b1);
}

/** The rows of `order`; with `isChanged`, those of a later state. */
export function tableOf(
  order: Int32Array,
  isChanged: boolean,
  keyOf: (row: number) => number = (row) => row,
): Columns {
  const floats = (column: number): Vector =>
    numberVector(Float64Array.from(order, (row) => scatter(row, column) / 1000));
  const temp = Float64Array.from(
    order,
    (row) => scatter(row, 1) / 1000 + (isChanged && row % CHANGED_EVERY === 0 ? 1 : 0),
  );
  const parts: readonly (readonly [string, ColumnType, Vector])[] = [
    ['id', 'int', numberVector(Int32Array.from(order, keyOf))],
    ['temp', 'float', numberVector(temp)],
    ['hum', 'float', floats(2)],
    ['volt', 'float', floats(3)],
    ['count', 'int', numberVector(Int32Array.from(order, (row) => scatter(row, 4) | 0))],
    ['big', 'bigint', wideVector(BigInt64Array.from(order, (row) => BigInt(row) * 1_000_003n))],
    ['ok', 'bool', boolVector(Uint8Array.from(order, (row) => scatter(row, 5) & 1))],
    ['device', 'text', deviceVector(order)],
    [
      'status',
      'text',
      wordVector(
        Int32Array.from(order, (row) => scatter(row, 7) % WORDS.length),
        WORDS,
      ),
    ],
    ['load', 'float', floats(8)],
  ];
  return {
    columns: parts.map(([name, type]) => ({ name, type, nullable: false, key: name === 'id' })),
    rows: Array.from({ length: order.length }, (_, row) => row),
    vectors: parts.map(([, , vector]) => vector),
  };
}

/** 0 to `rows` - 1 in random order; the same every time. */
export function shuffledRows(rows: number): Int32Array {
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  const random = randomOf(5);
  for (let at = rows - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    const kept = order[at] ?? 0;
    order[at] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}
