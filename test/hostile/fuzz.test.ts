import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { parquetSpecimens, specimens } from './corpus.ts';
import { type FuzzResult, fuzzBodies, fuzzParquet } from './fuzz.ts';
import type { Below } from './mutations.ts';

const RUNS = 1500;
const TIME_MS_MAX = 15_000;

function chance(seed: number): Below {
  const random = seededRandom(seed);
  return (limit) => Math.floor(random() * limit);
}

function expectHarmless({ runs, faults }: FuzzResult): void {
  expect(faults).toEqual([]);
  expect(runs).toBeGreaterThan(100);
}

describe('a body that was changed', () => {
  it.each(specimens().map((specimen) => [specimen.name, specimen] as const))(
    'from %s loses no row and throws nothing, in no time',
    async (_, specimen) => {
      const limits = { runs: RUNS, untilMs: performance.now() + TIME_MS_MAX };
      expectHarmless(await fuzzBodies([specimen], chance(7), limits));
    },
  );

  it('from Parquet is read or refused in words, in no time', async () => {
    const files = await parquetSpecimens();
    const limits = { runs: RUNS, untilMs: performance.now() + TIME_MS_MAX };
    expectHarmless(await fuzzParquet(files, chance(7), limits));
  });
});
