/** `tierfall heal` as a real process that is killed over and over: every row ends upgraded, and none is changed twice. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { decodeObject, fsStore, nodeFileSystem } from '../../src/index.ts';
import { healLedger } from '../../src/reconcile/heal/heal-ledger.ts';
import { toJsonSchema } from '../../src/schema/declare/to-json-schema.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import {
  type DegradedPipeline,
  degradedPipeline,
  drifted,
  narrow,
  siteOf,
  wide,
} from '../assembly/degraded-pipeline.ts';
import { announcedSeed } from '../support/announced-seed.ts';
import { startCommand } from './command-process.ts';

const OBJECTS = 40;
const ROWS = 25;
const KILLS = 6;

let pipeline: DegradedPipeline;
beforeEach(async () => {
  pipeline = await degradedPipeline();
});
afterEach(() => pipeline.close());

it('repeats nothing that shows, whenever it is killed', { timeout: 120_000 }, async () => {
  const random = seededRandom(announcedSeed('heal kills'));
  const { directory } = pipeline;
  const store = fsStore({ directory: join(directory, 'data/objects'), fs: nodeFileSystem });
  const fallback = await pipeline.open({ store, schema: narrow(true) });
  for (let object = 0; object < OBJECTS; object += 1) {
    const lines = Array.from({ length: ROWS }, (_, row) => drifted(object * ROWS + row));
    await pipeline.submit(fallback, lines);
    await fallback.flush();
  }
  await fallback.close();
  // How often a row is changed is written down by the database itself.
  pipeline.sql(`ALTER TABLE records ADD COLUMN site TEXT; CREATE TABLE changes (id);
    CREATE TRIGGER noted AFTER UPDATE ON records BEGIN INSERT INTO changes VALUES (new.id); END`);
  pipeline.sql("UPDATE records SET title = 'newer' WHERE id % 10 = 3; DELETE FROM changes");
  writeFileSync(join(directory, 'wide.json'), JSON.stringify(toJsonSchema(wide(true).schema)));
  const heal = () =>
    startCommand(
      [
        'heal',
        '--dir',
        'data',
        '--sink',
        'sqlite:sink.db',
        '--table',
        'records',
        '--schema',
        'wide.json',
        '--log-level',
        'info',
      ],
      { cwd: directory },
    );
  let killed = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const command = heal();
    await command.said('rowsHealed').catch(() => undefined);
    await pause(random() * 40);
    command.kill('SIGKILL');
    if ((await command.ended()).signal === 'SIGKILL') killed += 1;
  }
  expect(killed, 'it was killed in the middle').toBeGreaterThan(2);
  const last = heal();
  expect(await last.ended(), last.stderr).toEqual({ code: 0, signal: null });
  const rows = pipeline.rows();
  expect(rows).toHaveLength(OBJECTS * ROWS);
  for (const { id, title, site } of rows) {
    const isNewer = Number(id) % 10 === 3;
    expect([title, site]).toEqual(isNewer ? ['newer', null] : [`t${id}`, siteOf(Number(id))]);
  }
  const changes = pipeline.rows('SELECT count(*) AS n, count(DISTINCT id) AS ids FROM changes')[0];
  expect(changes).toMatchObject({ n: OBJECTS * ROWS * 0.9, ids: OBJECTS * ROWS * 0.9 });
  const ledger = await healLedger({ store, chain: 'default', decode: decodeObject });
  expect(ledger).toMatchObject({
    settled: OBJECTS,
    healed: OBJECTS * ROWS * 0.9,
    superseded: OBJECTS * ROWS * 0.1,
  });
});
