/**
 * A writing process that is killed over and over, with outages of its sink between: what it acknowledged is there.
 *
 * Not asserted, because not promised yet: order of a key across an outage and its replay. A batch that lands whole
 * while an earlier one of its key is deferred comes first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { announcedSeed, seededRandom } from '../model/seeded-random.ts';
import { look, type Seen } from './oracle.ts';
import { startPipeline } from './pipeline-child.ts';
import { isPoison, KEYS, ROWS } from './pipeline-records.ts';

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
        const child = startPipeline(directory, acknowledged, MANY, PACE_MS, durability);
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
      const last = startPipeline(directory, acknowledged, acknowledged + 10, 0, durability);
      expect(await last.ended()).toEqual({ code: 0, signal: null });
      expect(last.lines.at(-1)).toBe('closed 0');
      expect(acknowledged).toBeGreaterThan(50);
      const seen = await look(directory);
      expect(seen.report.rows, 'outages deferred whole batches').toBeGreaterThan(
        seen.quarantined.size + 5 * ROWS,
      );
      checkEveryRow(seen, acknowledged + 10);
    },
  );

  it('finishes what it took and resumes after SIGTERM, in order where nothing was deferred', async () => {
    let acknowledged = 0;
    for (let round = 0; round < 2; round += 1) {
      const child = startPipeline(directory, acknowledged, MANY, PACE_MS);
      await child.heard('acked');
      await pause(150);
      child.process.kill('SIGTERM');
      expect(await child.ended()).toEqual({ code: 0, signal: null });
      expect(child.lines.at(-1), 'no record is unaccounted for').toBe('closed 0');
      acknowledged = child.acknowledged;
    }
    const last = startPipeline(directory, acknowledged, acknowledged + 5, 0);
    expect(await last.ended()).toEqual({ code: 0, signal: null });
    const seen = await look(directory);
    checkEveryRow(seen, acknowledged + 5);
    checkOrder(seen, acknowledged + 5);
  });
});

function forgetQueue(): void {
  for (const end of ['', '-wal', '-shm']) rmSync(join(directory, 'data', `state.db${end}`), { force: true });
}

/** The oracle: of every acknowledged batch each row is in the sink once, or in quarantine, and never both. */
function checkEveryRow({ landed, quarantined, report }: Seen, batches: number): void {
  const expected: string[] = [];
  const poison: string[] = [];
  for (let batch = 0; batch < batches; batch += 1) {
    for (let row = 0; row < ROWS; row += 1) (isPoison(batch, row) ? poison : expected).push(`${batch}/${row}`);
  }
  expect(new Set(landed).size, 'nothing landed twice').toBe(landed.length);
  expect(missing(expected, new Set(landed)), 'acknowledged and not in the sink').toEqual([]);
  expect(missing(poison, quarantined), 'refused for good and not in quarantine').toEqual([]);
  expect(missing(landed, new Set(expected)), 'in the sink and never submitted').toEqual([]);
  expect(missing([...quarantined], new Set(poison)), 'in quarantine without a fault').toEqual([]);
  expect(report).toMatchObject({ balanced: true, pending: 0 });
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

function missing(wanted: readonly string[], found: ReadonlySet<string>): readonly string[] {
  return wanted.filter((row) => !found.has(row)).slice(0, 10);
}

/** Takes the sink's write lock at once and keeps it until it is ended. */
function outageFrom(file: string): { end(): Promise<void> } {
  const database = new DatabaseSync(file, { timeout: 1_000 });
  database.exec('BEGIN IMMEDIATE');
  return { end: async () => database.close() };
}

/** Takes the sink's write lock for random spans until it is ended. */
function outageOf(file: string, random: () => number): { end(): Promise<void> } {
  let isOver = false;
  const done = (async () => {
    const database = new DatabaseSync(file, { timeout: 200 });
    while (!isOver) {
      await pause(random() * 400);
      try {
        database.exec('BEGIN IMMEDIATE');
      } catch {
        continue;
      }
      await pause(isOver ? 0 : random() * 500);
      database.exec('ROLLBACK');
    }
    database.close();
  })();
  return {
    end: async () => {
      isOver = true;
      await done;
    },
  };
}
