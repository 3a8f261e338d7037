/** A whole pipeline whose disk and store are read by somebody who has no key. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createFallback, type Fallback, functionSink, KeyRing, SinkError } from '../../src/index.ts';
import { Field, Int32, Schema, Utf8 } from '../../src/schema/arrow.ts';

const SECRET = 'the-secret-of-record';
const schema = new Schema([new Field('n', new Int32(), false), new Field('text', new Utf8(), true)]);
const keyOf = (id: string) => ({ id, key: randomBytes(32) });

const directories: string[] = [];
const opened: Fallback[] = [];
afterEach(async () => {
  for (const fallback of opened.splice(0).reverse()) await fallback.close().catch(() => undefined);
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function filesBelow(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

/** Files in which the secret can be read, as it is or in base64. */
function leaksIn(directory: string): string[] {
  const words = [SECRET, ...[0, 1, 2].map((shift) => inBase64(shift))];
  return filesBelow(directory).filter((path) => {
    const text = readFileSync(path).toString('latin1');
    return words.some((word) => text.includes(word));
  });
}

/** The part of the secret's base64 that does not depend on what stands around it, at one of three shifts. */
function inBase64(shift: number): string {
  const text = Buffer.from(`${'x'.repeat(shift)}${SECRET}`).toString('base64');
  return text.slice(4, Math.floor(text.length / 4) * 4 - 8);
}

function pipeline() {
  const directory = mkdtempSync(join(tmpdir(), 'tierfall-sealed-'));
  directories.push(directory);
  const landed: string[] = [];
  const state = { isUp: false };
  const sink = functionSink(async (records) => {
    if (!state.isUp) throw new SinkError('missing-target', 'away');
    landed.push(...records.map((record) => String(record['text'])));
  });
  const open = async (encryption?: KeyRing, parquet: 'built-in' | 'parquetjs-lite' = 'built-in') => {
    const fallback = await createFallback({
      dir: directory,
      sink,
      schema,
      worker: false,
      parquet,
      ...(encryption ? { encryption } : {}),
    });
    opened.push(fallback);
    return fallback;
  };
  const submit = (fallback: Fallback, n: number) =>
    fallback.submit({
      body: `{"n":${n},"text":"${SECRET}-${n}"}\n{"n":"none","text":"${SECRET}-bad"}`,
      format: 'ndjson',
    });
  return { directory, landed, state, open, submit };
}

describe('a pipeline with keys', () => {
  it.each(['built-in', 'parquetjs-lite'] as const)(
    'keeps records from whoever reads its journal, its objects (%s) and its quarantine',
    async (parquet) => {
      const { directory, landed, state, open, submit } = pipeline();
      const fallback = await open(new KeyRing([keyOf('2026')]), parquet);
      await submit(fallback, 1);
      expect(fallback.journal.depth.rows).toBe(2);
      expect(leaksIn(directory), 'in the journal').toEqual([]);
      await fallback.flush();
      expect(filesBelow(directory).some((path) => path.endsWith('.parquet'))).toBe(true);
      expect(leaksIn(directory), 'in objects').toEqual([]);
      state.isUp = true;
      await fallback.reconcile();
      expect(landed).toEqual([`${SECRET}-1`]);
      expect(leaksIn(directory), 'in the quarantine').toEqual([]);
      const [row] = await fallback.backlog.quarantine.list();
      expect(Buffer.from(row?.body ?? []).toString()).toContain(`${SECRET}-bad`);
      expect(await fallback.report()).toMatchObject({ rows: 2, delivered: 1, quarantined: 1, balanced: true });
    },
  );

  it('shows what it would leak without them', async () => {
    const { directory, open, submit } = pipeline();
    const fallback = await open();
    await submit(fallback, 1);
    expect(leaksIn(directory)).not.toEqual([]);
  });

  it('changes its key while it runs, and brings back what was sealed under the old one', async () => {
    const { landed, state, open, submit } = pipeline();
    const keys = [keyOf('old'), keyOf('new')] as const;
    const ring = new KeyRing([keys[0]]);
    const fallback = await open(ring);
    await submit(fallback, 1);
    await fallback.flush();
    await submit(fallback, 2);
    ring.add(keys[1]);
    await submit(fallback, 3);
    state.isUp = true;
    await fallback.reconcile();
    expect(landed.sort()).toEqual([1, 2, 3].map((n) => `${SECRET}-${n}`));
  });

  it('delivers nothing without its key, loses nothing, and goes on when the key is there', async () => {
    const { landed, state, open, submit } = pipeline();
    const key = keyOf('lost');
    const first = await open(new KeyRing([key]));
    await submit(first, 1);
    await first.close();
    state.isUp = true;
    const without = await open(new KeyRing([keyOf('other')]));
    const drained = await without.reconcile({ patienceMs: 300 });
    expect([drained.drained, landed]).toEqual([false, []]);
    expect((await without.report()).balanced).toBe(false);
    await without.close();
    const again = await open(new KeyRing([key, keyOf('other-2')]));
    await again.reconcile();
    expect(landed).toEqual([`${SECRET}-1`]);
    expect((await again.report()).balanced).toBe(true);
  });
});
