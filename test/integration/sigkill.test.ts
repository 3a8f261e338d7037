/**
 * A writing process that is killed over and over, with outages of its sink between: what it acknowledged is there.
 *
 * Not asserted, because not promised yet: order of a key across an outage and its replay. A batch that lands whole
 * while an earlier one of its key is deferred comes first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { announcedSeed } from '../support/announced-seed.ts';
import { findFaults, look, type Seen } from './oracle.ts';
import { startPipeline } from './pipeline-child.ts';
import { KEYS, ROWS } from './pipeline-records.ts';
import { outageFrom, outageOf } from './sink-outage.ts';

const MANY = 1_000_000;
const PACE_MS = 4;

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tierfall-sigkill-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a writing process', () => {
  it.each([
    ['journal', 16],
    ['store', 8],
  ] as const)(
    'with durability %s loses nothing it acknowledged and lands nothing twice in %i kills at any moment',
    {
      timeout: 180_000,
    },
    async (durability, killsMax) => {
      const random = seededRandom(announcedSeed(`sigkill ${durability}`));
      let acknowledged = 0;
      let kills = 0;
      while (kills < killsMax) {
        const child = startPipeline(
          { directory, durability },
          { first: acknowledged, count: MANY, paceMs: PACE_MS },
        );
        // Some die while they open and recover, the others while they write, pack and replay.
        await child.heard(kills > 0 && random() < 0.3 ? 'ready' : 'acked');
        const file = join(directory, 'sink.db');
        // The first outage lasts to the kill, so that whole batches are deferred whatever the seed.
        const outage = kills === 0 ? outageFrom(file) : outageOf(file, random);
        await pause(kills === 0 ? 1_200 : random() * (kills % 3 === 0 ? 2_500 : 500));
        child.process.kill('SIGKILL');
        const ending = await child.ended();
        await outage.end();
        expect(ending.signal, 'it must live until it is killed').toBe('SIGKILL');
        acknowledged = child.acknowledged;
        kills += 1;
        // The store alone was promised to outlive the machine.
        if (durability === 'store' && kills % 2 === 0) forgetQueue();
      }
      const last = startPipeline({ directory, durability }, { first: acknowledged, count: acknowledged + 10 });
      expect(await last.ended()).toEqual({ code: 0, signal: null });
      expect(last.lines.at(-1)).toBe('closed 0');
      expect(acknowledged).toBeGreaterThan(50);
      const seen = await look({ directory });
      expect(seen.report.rows, 'outages deferred whole batches').toBeGreaterThan(
        seen.quarantined.size + 5 * ROWS,
      );
      expect(findFaults(seen, acknowledged + 10)).toEqual([]);
    },
  );

  it('finishes what it took and resumes after SIGTERM, in order where nothing was deferred', async () => {
    let acknowledged = 0;
    for (let round = 0; round < 2; round += 1) {
      const child = startPipeline({ directory }, { first: acknowledged, count: MANY, paceMs: PACE_MS });
      await child.heard('acked');
      await pause(150);
      child.process.kill('SIGTERM');
      expect(await child.ended()).toEqual({ code: 0, signal: null });
      expect(child.lines.at(-1), 'no record is unaccounted for').toBe('closed 0');
      acknowledged = child.acknowledged;
    }
    const last = startPipeline({ directory }, { first: acknowledged, count: acknowledged + 5 });
    expect(await last.ended()).toEqual({ code: 0, signal: null });
    const seen = await look({ directory });
    expect(findFaults(seen, acknowledged + 5)).toEqual([]);
    checkOrder(seen, acknowledged + 5);
  });
});

function forgetQueue(): void {
  for (const end of ['', '-wal', '-shm']) rmSync(join(directory, 'data', `state.db${end}`), { force: true });
}

/** Rows that were never deferred are in the sink in the order in which the batches of their key were submitted. */
function checkOrder({ landed }: Seen, batches: number): void {
  const places = new Map(landed.map((row, place) => [row, place]));
  for (let key = 0; key < KEYS; key += 1) {
    let last = -1;
    for (let batch = key; batch < batches; batch += KEYS) {
      const place = places.get(`${batch}/0`) ?? -1;
      expect(place, `batch ${batch} of key ${key}`).toBeGreaterThan(last);
      last = place;
    }
  }
}
