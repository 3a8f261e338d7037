import { describe, expect, it } from 'vitest';
import type { Column, Columns } from '../../src/core/columns.ts';
import { cellVector, numberVector, textVector } from '../../src/core/vectors.ts';
import { hashKeys, type KeyHashes } from '../../src/diff/column-index.ts';
import { joinByHash } from '../../src/diff/column-join.ts';
import { HashTable, NO_ROW, tableOfB } from '../../src/diff/key-table.ts';
import { hashBytes, hashText, randomSeed } from '../../src/diff/keyed-hash.ts';
import type { InTurns } from '../../src/diff/pace.ts';
import { parseRules } from '../../src/diff/rules.ts';

const allAtOnce: InTurns = async (rows, _, step) => step(0, rows);

/** A widespread hash without a seed, from a state on. */
function fnv(text: string, start = 0x811c9dc5 | 0): number {
  let hash = start;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

const BLOCK_LENGTH = 9;
const LEVELS = 8;

/** 2^LEVELS texts of one length that have one hash behind `prefix`: two for each block, which end in one state. */
function collidingTexts(prefix: string): readonly string[] {
  let texts = [''];
  let state = fnv(prefix);
  for (let level = 0; level < LEVELS; level += 1) {
    const known = new Map<number, string>();
    for (let number = 0; ; number += 1) {
      // Scattered, because such a hash keeps numbers apart that count up.
      const block = Math.imul(number, 0x9e3779b1).toString(16).padStart(BLOCK_LENGTH, '-');
      const next = fnv(block, state);
      const other = known.get(next);
      known.set(next, block);
      if (other === undefined) continue;
      texts = texts.flatMap((text) => [text + other, text + block]);
      state = next;
      break;
    }
  }
  expect(new Set(texts.map((text) => fnv(prefix + text))).size).toBe(1);
  expect(new Set(texts).size).toBe(2 ** LEVELS);
  return texts;
}

function columnOf(name: string, type: Column['type']): Column {
  return { name, type, nullable: false, key: false };
}

function tableOf(columns: readonly Column[], vectors: Columns['vectors']): Columns {
  return { columns, rows: Array.from({ length: vectors[0]?.length ?? 0 }, (_, row) => row), vectors };
}

/** How often keys are compared to pair each row of a table with itself. */
async function countCompared(table: Columns, fields: readonly string[]): Promise<number> {
  const hashes = await hashKeys(table, table, fields, parseRules(), allAtOnce);
  let compared = 0;
  const isSame: KeyHashes['isSame'] = (x, y) => {
    compared += 1;
    return hashes.isSame?.(x, y) ?? true;
  };
  const { partner, groups } = await joinByHash({ ...hashes, isSame }, allAtOnce);
  expect(groups).toEqual([]);
  expect([...(partner ?? [])]).toEqual(table.rows);
  return compared;
}

describe('keys that were chosen to collide', () => {
  it('are compared about once each, as one text column', async () => {
    const texts = collidingTexts('');
    const length = texts[0]?.length ?? 0;
    const offsets = Int32Array.from({ length: texts.length + 1 }, (_, row) => row * length);
    const table = tableOf([columnOf('id', 'text')], [textVector(offsets, Buffer.from(texts.join('')))]);
    expect(await countCompared(table, ['id'])).toBeLessThan(1.1 * texts.length);
  });

  it('are compared about once each, as several columns', async () => {
    const texts = collidingTexts(`string:${BLOCK_LENGTH * LEVELS}:`);
    const table = tableOf(
      [columnOf('id', 'text'), columnOf('part', 'int')],
      [cellVector(texts), numberVector(new Int32Array(texts.length))],
    );
    expect(await countCompared(table, ['id', 'part'])).toBeLessThan(1.1 * texts.length);
  });

  const ODD = 0x9e3779b1;

  /** Numbers that a multiplication by ODD makes 0, 1, 2, …, so that the high bits of all are the same. */
  function collidingNumbers(count: number): Int32Array {
    let inverse = ODD;
    for (let bits = 3; bits < 32; bits *= 2) inverse = Math.imul(inverse, 2 - Math.imul(ODD, inverse));
    expect(Math.imul(ODD, inverse)).toBe(1);
    return Int32Array.from({ length: count }, (_, row) => Math.imul(row, inverse));
  }

  /** Adds and finds all of them. */
  function looksPerKey(table: HashTable, keys: Int32Array): number {
    for (const [row, key] of keys.entries()) expect(table.add(key, row)).toBe(NO_ROW);
    for (const [row, key] of keys.entries()) expect(table.find(key, -1)).toBe(row);
    return table.looks / keys.length / 2;
  }

  it('take a few looks each, as numbers', async () => {
    const keys = collidingNumbers(8192);
    const hashes = { a: keys, b: keys, b0: keys.length, isSame: undefined, isCompared: true };
    const table = await tableOfB(hashes, allAtOnce);
    expect(table).toBeInstanceOf(HashTable);
    if (table instanceof HashTable) expect(looksPerKey(table, keys)).toBeLessThan(8);
  });

  it('take a few looks each, even for who knows the seed', () => {
    const keys = collidingNumbers(8192);
    const table = new HashTable(keys.length, undefined, { low: 0, high: ODD | 0 });
    expect(looksPerKey(table, keys)).toBeLessThan(12);
  });

  it('are found where more of them have one number than a run may be long', () => {
    const table = new HashTable(1000, (x, y) => x === y);
    for (let row = 0; row < 1000; row += 1) expect(table.add(7, row)).toBe(NO_ROW);
    for (let row = 0; row < 1000; row += 1) expect(table.find(7, row)).toBe(row);
  });
});

describe('a hash with a seed', () => {
  it('is another one with another seed, and of all bytes', () => {
    const seed = randomSeed();
    const bytes = Buffer.from('01234567890abcdefgh');
    const seen = new Set<number>();
    for (let from = 0; from < bytes.length; from += 1) {
      for (let to = from; to <= bytes.length; to += 1) {
        const hash = hashBytes(bytes, from, to, seed);
        expect(hashBytes(Buffer.from(bytes.subarray(from, to)), 0, to - from, seed)).toBe(hash);
        if (to > from) seen.add(hash);
      }
    }
    expect(seen.size).toBeGreaterThan(185);
    expect(hashText('a', seed)).not.toBe(hashText('a', { ...seed, low: seed.low ^ 1 }));
    expect(hashText('a', seed)).not.toBe(hashText('a', { ...seed, high: seed.high ^ 1 }));
    expect(hashText('\u0100', seed)).not.toBe(hashText('\u0000', seed));
  });
});
