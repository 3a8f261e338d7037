import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/keys.ts';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { reconcileReport } from '../../src/reconcile/ledger.ts';
import { readQuarantine } from '../../src/reconcile/quarantine-object.ts';
import { fsStore } from '../../src/stores/fs-store.ts';
import { decodeObject, encodeObject } from '../../src/stores/parquet.ts';
import type { Store } from '../../src/stores/store.ts';
import { entryOf } from './scene.ts';
import { createWorkplace } from './workplace.ts';

const LANES = 3;
const OBJECTS = 4;
const ENTRIES = 6;

describe('a worker process killed at any moment', () => {
  it('loses nothing, lands nothing twice, keeps the order of each lane', { timeout: 30_000 }, async () => {
    const place = await createWorkplace();
    try {
      const store = fsStore({ directory: join(place.directory, 'objects'), fs: nodeFileSystem });
      const expected = await fill(store);
      for (const steps of [1, 4, 11, 14, 23]) await runAndKill(place.directory, steps);
      expect(await runToEnd(place.directory)).toContain('"waiting":0,"active":0,"postponed":0');
      const db = new DatabaseSync(join(place.directory, 'sink.db'));
      const landed = db.prepare('SELECT text FROM landed ORDER BY n').all();
      db.close();
      for (const [lane, lines] of expected.entries()) {
        const inOrder = landed
          .map((row) => String(row['text']))
          .filter((text) => text.includes(`"lane":${lane},`));
        expect(inOrder).toEqual(lines.filter((line) => !line.includes('poison')));
      }
      const { stateById } = await readQuarantine(store, 'killed');
      const poison = expected.flat().filter((line) => line.includes('poison'));
      expect(stateById.size).toBe(poison.length);
      const report = await reconcileReport({ store, chain: 'killed', decode: decodeObject });
      expect(report).toMatchObject({ balanced: true, pending: 0, rows: expected.flat().length });
    } finally {
      await place.close();
    }
  });
});

/** @returns the lines of each lane in order */
async function fill(store: Store): Promise<string[][]> {
  const expected: string[][] = Array.from({ length: LANES }, () => []);
  for (let n = 0; n < OBJECTS * LANES; n += 1) {
    const lane = n % LANES;
    const entries: JournalEntry[] = [];
    for (let e = 0; e < ENTRIES; e += 1) {
      const word = e === 3 ? 'poison' : 'fine';
      const lines = Array.from(
        { length: 20 },
        (_, row) => `{"lane":${lane},"at":"${n}.${e}.${row}","${word}":1}`,
      );
      expected[lane]?.push(...lines);
      entries.push({ ...entryOf(lines), seq: n * ENTRIES + e });
    }
    const { chunks, sha256: digest } = await encodeObject(entries, {});
    const name = `${String(n * ENTRIES).padStart(16, '0')}-${digest.slice(0, 32)}`;
    expect(sha256(Buffer.concat(chunks))).toBe(digest);
    await store.put(`chain=killed/date=2026-11-20/hour=00/part=${lane}/${name}.parquet`, chunks);
  }
  return expected;
}

function start(...args: readonly string[]) {
  const script = join(import.meta.dirname, 'replay-process.ts');
  return spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function runAndKill(directory: string, atStep: number): Promise<void> {
  const [, signal] = await once(start(directory, String(atStep)), 'exit');
  expect(signal).toBe('SIGKILL');
}

async function runToEnd(directory: string): Promise<string> {
  const child = start(directory);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  return text;
}
