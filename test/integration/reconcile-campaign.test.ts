import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { findDisorder } from '../campaigns/disorder.ts';
import { runReconcileCampaign } from '../campaigns/reconcile.ts';

it('brings everything back once and in order, with workers killed and Redis flushed, while the writer goes on', async () => {
  const result = await runReconcileCampaign({
    ...{ records: 12_000, keys: 150, rowsPerBatch: 20, liveBatchesPerSecond: 40, killEveryMs: 1_500, seed: 7 },
    say: () => undefined,
  });
  expect(result.faults).toEqual([]);
  expect(result.deferred).toBeGreaterThan(6_000);
}, 180_000);

it('names what is missing, there twice or out of order', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'tierfall-disorder-'));
  const file = join(cwd, 'sink.db');
  const database = new DatabaseSync(file);
  database.exec(`CREATE TABLE records (key TEXT, n INTEGER);
    INSERT INTO records VALUES ('a', 0), ('a', 1), ('b', 1), ('b', 0), ('c', 0), ('c', 0)`);
  database.close();
  expect(
    findDisorder(
      file,
      new Map([
        ['a', 3],
        ['b', 2],
        ['c', 1],
      ]),
    ),
  ).toEqual(['1 records missing: a#2', '1 records there twice: c#0', '2 records out of order: b#1, b#0']);
  rmSync(cwd, { recursive: true });
});
