import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { type Workplace, workplace } from './workplace.ts';

/** Two records that were stored while the sink was locked, and brought back. */
async function broughtBack(): Promise<Workplace> {
  const place = workplace();
  place.file('in.ndjson', '{"n":1}\n{"n":2}\n');
  const index = new URL('../../src/index.ts', import.meta.url).href;
  place.file(
    'tierfall.config.ts',
    `import { defineConfig, sqliteSink } from '${index}';
export default defineConfig({
  sink: sqliteSink({ file: new URL('x.db', import.meta.url).pathname, table: 'in', busyTimeoutMs: 1 }),
  retry: { attemptsMax: 1 },
});\n`,
  );
  const locked = new DatabaseSync(`${place.path}/x.db`);
  locked.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE');
  await place.tierfall(['run', '-i', 'in.ndjson', '--patience', '100ms']);
  locked.exec('ROLLBACK');
  locked.close();
  return place;
}

interface Line {
  readonly title?: string;
  readonly rows?: readonly Record<string, unknown>[];
}

/** Rows of a table in JSON output. */
function tableOf(out: string, title: string): readonly Record<string, unknown>[] {
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  return lines.find((line) => line.title === title)?.rows ?? [];
}

describe('tierfall reconcile --report', () => {
  it('prints outages, writes their manifest, and tells the head of the chain to be kept', async () => {
    const place = await broughtBack();
    const { code, out } = await place.tierfall(['reconcile', '--report', '--json']);
    expect(code, out).toBe(0);
    const rows = tableOf(out, 'Outages');
    expect(rows).toMatchObject([
      { objects: 1, rows: 2, delivered: 2, pending: 0, keys: 2, 'key sets': 'equal', missing: 0 },
    ]);
    expect(rows[0]?.['reasons']).toBe('throttled 2');
    const kept = place.below('.tierfall/objects').filter((path) => /outages\/.*\.json$/.test(path));
    expect(kept).toHaveLength(1);
    const head = /link 0: ([0-9a-f]{64})/.exec(out)?.[1] ?? '';
    const verified = await place.tierfall(['verify', '--head', head]);
    expect(verified.code, verified.out).toBe(0);
    const foreign = await place.tierfall(['verify', '--head', 'f'.repeat(64)]);
    expect(foreign.code).toBe(1);
    expect(foreign.out).toContain('cut off');
    expect((await place.tierfall(['verify', '--head', 'abc'])).code).toBe(2);
  });
});

describe('tierfall verify', () => {
  it('exits 1 and names a settlement that was changed', async () => {
    const place = await broughtBack();
    await place.tierfall(['reconcile']);
    const settled = place.below('.tierfall/objects').find((path) => path.endsWith('.settled.json')) ?? '';
    const file = `${place.path}/.tierfall/objects/${settled}`;
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"attempts": \d+/, '"attempts": 77'));
    const { code, out } = await place.tierfall(['verify', '--json']);
    expect(code).toBe(1);
    expect(tableOf(out, 'Damage')).toMatchObject([
      { where: settled, fault: expect.stringContaining('changed since') },
    ]);
  });

  it('asks the sink again with --recheck, and names the row that it has lost since', async () => {
    const place = await broughtBack();
    await place.tierfall(['reconcile']);
    const sound = await place.tierfall(['verify', '--recheck', '--json']);
    expect(sound.code, sound.out).toBe(0);
    expect(tableOf(sound.out, 'In the sink today')).toMatchObject([{ objects: 1, rows: 2, held: 2, LOST: 0 }]);
    const [row] = place.rows('x.db', 'SELECT tierfall_key FROM "in" WHERE n = 2');
    const database = new DatabaseSync(`${place.path}/x.db`);
    database.exec('DELETE FROM "in" WHERE n = 2');
    database.close();
    expect((await place.tierfall(['verify'])).code).toBe(0);
    const { code, out } = await place.tierfall(['verify', '--recheck', '--json']);
    expect(code).toBe(1);
    expect(tableOf(out, 'Lost from the sink')).toMatchObject([{ key: row?.['tierfall_key'] }]);
  });
});
