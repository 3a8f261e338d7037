import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Residue } from '../../src/core/outcome.ts';
import { rowIndices } from '../../src/core/row-set.ts';
import { bisectRefused } from '../../src/tiers/bisect.ts';

/** A sink that refuses requests with a poison row as a whole, and can be told to fail from a request on. */
function pickySink(poison: ReadonlySet<number>, { failsFrom = Number.POSITIVE_INFINITY, judges = false } = {}) {
  const landed: number[] = [];
  let requests = 0;
  const sendRows = async (rows: readonly number[]): Promise<readonly Residue[]> => {
    requests += 1;
    expect(rows.length, 'an empty request').toBeGreaterThan(0);
    if (requests >= failsFrom) return [{ rows, reason: 'unavailable', detail: 'went away', whole: true }];
    const bad = rows.filter((row) => poison.has(row));
    if (bad.length > 0 && !judges)
      return [{ rows, reason: 'refused', detail: `one of ${rows.length}`, whole: true }];
    landed.push(...rows.filter((row) => !poison.has(row)));
    return bad.map((row) => ({ rows: [row], reason: 'refused', detail: `row ${row}` }));
  };
  return { sendRows, landed, requests: () => requests };
}

const rowsOf = (residue: readonly Residue[]): number[] => residue.flatMap(({ rows }) => rowIndices(rows, 0));
const all = (count: number): number[] => Array.from({ length: count }, (_, row) => row);

/** Positions of `k` poison rows among `n`, from a list of chances. */
function poisonOf(n: number, chances: readonly number[]): Set<number> {
  return new Set(chances.map((chance) => Math.floor(chance * n)));
}

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

async function checkBisection(n: number, poison: ReadonlySet<number>): Promise<void> {
  const sink = pickySink(poison);
  const { judged, rest } = await bisectRefused(all(n), 'first words', sink.sendRows);
  const k = poison.size;
  expect(sink.requests(), `${k} in ${n}`).toBeLessThanOrEqual(k * Math.ceil(Math.log2(n)) + k);
  expect(rest).toEqual([]);
  expect(rowsOf(judged)).toEqual([...poison].sort((a, b) => a - b));
  expect(judged.every(({ reason, whole, detail }) => reason === 'refused' && !whole && detail)).toBe(true);
  expect(sink.landed, 'all others, in order').toEqual(all(n).filter((row) => !poison.has(row)));
}

describe('bisection', () => {
  it.each([1, 2, 10, 100])('isolates %d poison rows in up to 10,000 within its bound', async (k) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(chance, { minLength: k, maxLength: k }),
        (n, chances) => checkBisection(n, poisonOf(n, chances)),
      ),
      { numRuns: 60 },
    );
  });

  it.each([1, 2, 3, 7, 8, 64, 1_000])('isolates every row when all %d are poison', async (n) => {
    await checkBisection(n, new Set(all(n)));
  });

  it.each([0, 5_000, 9_999])('isolates the one poison row at %d', async (row) => {
    await checkBisection(10_000, new Set([row]));
  });

  it('sends nothing for a single row: it was refused already', async () => {
    const sink = pickySink(new Set([0]));
    const { judged } = await bisectRefused([0], 'the first words', sink.sendRows);
    expect([sink.requests(), judged]).toEqual([
      0,
      [{ rows: [0], reason: 'refused', detail: 'the first words' }],
    ]);
  });

  it('takes the word of a sink that judges row by row after all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 500 }),
        fc.array(chance, { minLength: 1, maxLength: 9 }),
        async (n, chances) => {
          const poison = poisonOf(n, chances);
          const sink = pickySink(poison, { judges: true });
          const { judged, rest } = await bisectRefused(all(n), undefined, sink.sendRows);
          const named = rowsOf(judged);
          expect([...named, ...sink.landed, ...rowsOf(rest)].sort((a, b) => a - b)).toEqual(all(n));
          expect(sink.requests()).toBeLessThanOrEqual(Math.ceil(Math.log2(n)) + 1);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('interrupted anywhere loses no row: landed, judged and rest are all of them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 1_000 }),
        fc.array(chance, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 20 }),
        async (n, chances, failsFrom) => {
          const poison = poisonOf(n, chances);
          const sink = pickySink(poison, { failsFrom });
          const { judged, rest } = await bisectRefused(all(n), undefined, sink.sendRows);
          expect([...rowsOf(judged), ...sink.landed, ...rowsOf(rest)].sort((a, b) => a - b)).toEqual(all(n));
          expect(rowsOf(judged).every((row) => poison.has(row))).toBe(true);
          if (rest.length > 0) expect(rest).toMatchObject([{ reason: 'unavailable', detail: 'went away' }]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
