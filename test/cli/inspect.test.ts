import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/main.ts';
import { quarantinedIds, type Workplace, workplace } from './workplace.ts';

const RECORDS = '{"n":1}\n{"n":2}\n{"n":\n{"n":4,\n';

/** A directory with two records landed and two in quarantine, all settled. */
async function settled(): Promise<Workplace> {
  const place = workplace();
  place.file('in.ndjson', RECORDS);
  const { code, err } = await place.tierfall(['run', '-i', 'in.ndjson', '--sink', 'sqlite:x.db']);
  expect(code, err).toBe(3);
  return place;
}

/** A directory whose sink was locked all the time: both whole records are stored and wait. */
async function pending(): Promise<Workplace> {
  const place = workplace();
  place.file('in.ndjson', '{"n":1}\n{"n":2}\n');
  place.file('tierfall.config.ts', configOf('{ busyTimeoutMs: 1 }'));
  const locked = new DatabaseSync(`${place.path}/x.db`);
  locked.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE');
  const { code, err } = await place.tierfall(['run', '-i', 'in.ndjson', '--patience', '100ms']);
  locked.exec('ROLLBACK');
  locked.close();
  expect(code, err).toBe(3);
  return place;
}

function configOf(sink: string): string {
  const index = new URL('../../src/index.ts', import.meta.url).href;
  return `import { defineConfig, sqliteSink } from '${index}';
export default defineConfig({
  sink: sqliteSink({ file: new URL('x.db', import.meta.url).pathname, table: 'in', ...${sink} }),
  retry: { attemptsMax: 1 },
  name: 'configured',
});\n`;
}

function objectOf(place: Workplace, end: string): string {
  const found = place
    .below('.tierfall/objects')
    .find((path) => path.endsWith(end) && path.startsWith('chain='));
  if (found === undefined) throw new Error(`there is no …${end}`);
  return found;
}

describe('tierfall verify', () => {
  it('finds a sound directory sound, settled or pending', async () => {
    for (const place of [await settled(), await pending()]) {
      const { code, out } = await place.tierfall(['verify']);
      expect(code, out).toBe(0);
      expect(out).toContain('every byte is as it was stored');
    }
  });

  it('exits 1 and names an object with one flipped bit, settled or pending', async () => {
    for (const place of [await settled(), await pending()]) {
      const ref = objectOf(place, '.parquet');
      const file = `${place.path}/.tierfall/objects/${ref}`;
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(file, bytes);
      const { code, out } = await place.tierfall(['verify']);
      expect(code).toBe(1);
      expect(out).toContain(ref);
    }
  });

  it('exits 1 and names an object that was deleted, settled or pending', async () => {
    for (const place of [await settled(), await pending()]) {
      const ref = objectOf(place, '.parquet');
      unlinkSync(`${place.path}/.tierfall/objects/${ref}`);
      const { code, out } = await place.tierfall(['verify']);
      expect(code, out).toBe(1);
      expect(out).toContain(ref);
      expect(out).toContain('is not in the store');
    }
  });

  it('exits 1 and names an object whose settlement was deleted, until reconcile has settled it again', async () => {
    const place = await settled();
    const ref = objectOf(place, '.parquet');
    unlinkSync(`${place.path}/.tierfall/objects/${objectOf(place, '.settled.json')}`);
    const { code, out } = await place.tierfall(['verify']);
    expect(code, out).toBe(1);
    expect(out).toContain(ref);
    expect(out).toContain('neither settlement nor job');
    await place.tierfall(['reconcile']);
    expect((await place.tierfall(['verify'])).code).toBe(0);
    expect(place.rows('x.db', 'SELECT count(*) AS n FROM "in"')).toEqual([{ n: 2 }]);
  });

  it('announces with --repair what nobody would come to replay, and a worker then lands it once', async () => {
    const place = await settled();
    unlinkSync(`${place.path}/.tierfall/objects/${objectOf(place, '.settled.json')}`);
    expect((await place.tierfall(['verify'])).code).toBe(1);
    const repaired = await place.tierfall(['verify', '--repair', '--json']);
    // That it was deleted is damage until the object is settled again.
    expect(repaired.code, repaired.out).toBe(1);
    expect(repaired.out).toContain('"announced":1');
    expect(repaired.out).toContain('was deleted');
    expect(repaired.out).not.toContain('neither settlement nor job');
    await place.tierfall(['reconcile']);
    expect((await place.tierfall(['verify'])).code).toBe(0);
    expect((await place.tierfall(['verify', '--repair', '--json'])).out).toContain('"announced":0');
    expect(place.rows('x.db', 'SELECT count(*) AS n FROM "in"')).toEqual([{ n: 2 }]);
  });

  it('exits 1 when quarantined rows are gone', async () => {
    const place = await settled();
    const kept = place
      .below('.tierfall/objects')
      .filter((path) => path.startsWith('quarantine/') && path.endsWith('.json'));
    for (const path of kept) unlinkSync(`${place.path}/.tierfall/objects/${path}`);
    const { code, out } = await place.tierfall(['verify']);
    expect(code, out).toBe(1);
    expect(out).toContain('2 rows that were quarantined are not there');
  });
});

describe('tierfall reconcile', () => {
  it('lands what waited and prints the proof of every object', async () => {
    const place = await pending();
    const status = await place.tierfall(['status', '--json']);
    expect(status.out).toContain('"pending":2');
    const { code, out } = await place.tierfall(['reconcile', '--report']);
    expect(code, out).toBe(0);
    expect(out).toContain(objectOf(place, '.parquet'));
    expect(out).toMatch(/settled\s+lookup\s+0\s+equal/);
    expect(place.rows('x.db', 'SELECT n FROM "in" ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('says that records wait when it is told to stop', async () => {
    const place = await pending();
    const { code, out, err } = await place.tierfall(['reconcile'], { signal: AbortSignal.abort() });
    expect(code, err).toBe(3);
    expect(out).toContain('Stopped before the end');
    expect((await place.tierfall(['verify'])).code).toBe(0);
  });
});

describe('tierfall quarantine', () => {
  it('lists and shows rows with reason and original bytes', async () => {
    const place = await settled();
    const listed = await place.tierfall(['quarantine', 'list', '--reason', 'undecodable']);
    expect(listed.out).toContain('undecodable');
    const ids = quarantinedIds((await place.tierfall(['quarantine', 'list', '--json'])).out);
    expect(ids).toHaveLength(2);
    const shown = await place.tierfall(['quarantine', 'show', ...ids]);
    expect(shown.out).toContain('{"n":4,');
  });

  it('changes nothing on --dry-run', async () => {
    const place = await settled();
    for (const action of ['release', 'discard']) {
      const { code, out } = await place.tierfall(['quarantine', action, '--all', '--dry-run']);
      expect(code).toBe(0);
      expect(out).toContain('2 rows would be');
    }
    expect(quarantinedIds((await place.tierfall(['quarantine', 'list', '--json'])).out)).toHaveLength(2);
  });

  it('discards one row, which stays counted, and releases the other, which is replayed', async () => {
    const place = await settled();
    const [first = '', second = ''] = quarantinedIds(
      (await place.tierfall(['quarantine', 'list', '--json'])).out,
    );
    await place.tierfall(['quarantine', 'discard', first]);
    await place.tierfall(['quarantine', 'release', second]);
    const { code } = await place.tierfall(['reconcile']);
    expect(code, 'the released row cannot land and comes back').toBe(3);
    const { out } = await place.tierfall(['status', '--json']);
    expect(out).toContain('"quarantined":1,"discarded":1,"pending":0,"balanced":"yes"');
    expect((await place.tierfall(['verify'])).code).toBe(0);
  });

  it.each([
    [['quarantine', 'release']],
    [['quarantine', 'shred', 'x']],
    [['quarantine', 'show', 'none']],
    [['quarantine', 'discard', 'x', '--all']],
  ])('refuses %j with exit code 2', async (args) => {
    const { code, err } = await (await settled()).tierfall(args);
    expect(code).toBe(2);
    expect(err).toContain('hint: ');
  });
});

describe('tierfall graph and help', () => {
  it('draws the chain of a config file', async () => {
    const place = await pending();
    const { code, out } = await place.tierfall(['graph']);
    expect(code).toBe(0);
    expect(out).toContain('flowchart');
    for (const tier of ['primary', 'schema-retry', 'raw-persist', 'REJECT']) expect(out).toContain(tier);
  });

  it.each([['--help'], ...COMMANDS.map(({ spec }) => [spec.name])])(
    'the page of %s fits 80 columns',
    async (name) => {
      const { code, out } = await workplace().tierfall(name === '--help' ? [name] : [name, '--help']);
      expect(code).toBe(0);
      expect(out).toContain('Usage: tierfall');
      for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    },
  );
});
