import { mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createFallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import { sqliteSink } from '../../src/assembly/local-sinks.ts';
import type { BatchInput } from '../../src/core/batch.ts';
import { openSegmentJournal } from '../../src/journal/segment-journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { Field, Int32, Schema } from '../../src/schema/arrow.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';

const schema = new Schema([new Field('batch', new Int32(), false), new Field('row', new Int32(), false)]);
const KEYS = 4;
const ROWS = 10;

let directory = '';
beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'tierfall-two-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  directory = made;
});

function batchOf(batch: number): BatchInput {
  const lines = Array.from({ length: ROWS }, (_, row) => `{"batch":${batch},"row":${row}}`);
  return { format: 'ndjson', orderingKey: `k${batch % KEYS}`, body: lines.join('\n') };
}

function* batches(count: number): Generator<BatchInput> {
  for (let batch = 0; batch < count; batch += 1) yield batchOf(batch);
}

function open(name: string, options: Partial<FallbackOptions> = {}) {
  const sink = sqliteSink({ file: join(directory, `${name}.db`), table: 't' });
  return createFallback({ dir: join(directory, name), sink, schema, worker: { idleMs: 10 }, ...options });
}

function landed(name: string): { batch: number; row: number }[] {
  const database = new DatabaseSync(join(directory, `${name}.db`));
  const rows = database.prepare('SELECT batch, row FROM t ORDER BY rowid').all();
  database.close();
  return rows.map((row) => ({ batch: Number(row['batch']), row: Number(row['row']) }));
}

describe('many batches in flight', () => {
  it('land once, with receipts in submit order and each key in order, 64 at a time', async () => {
    await using fallback = await open('a');
    let receipts = 0;
    for await (const receipt of fallback.run(batches(1_000), { inFlightMax: 64 })) {
      expect(receipt).toMatchObject({ delivered: ROWS, rejected: 0 });
      receipts += 1;
    }
    expect(receipts).toBe(1_000);
    const rows = landed('a');
    expect(rows).toHaveLength(1_000 * ROWS);
    for (let key = 0; key < KEYS; key += 1) {
      const ofKey = rows
        .filter(({ batch }) => batch % KEYS === key)
        .map(({ batch, row }) => batch * ROWS + row);
      expect(ofKey).toEqual([...ofKey].sort((a, b) => a - b));
    }
    expect(fallback.engine.ledger).toMatchObject({ accepted: 10_000, delivered: 10_000, unaccounted: 0 });
  });

  it('stay apart in two pipelines of one process', async () => {
    await using first = await open('a');
    await using second = await open('b', { name: 'other' });
    const run = async (fallback: typeof first, count: number): Promise<void> => {
      for await (const receipt of fallback.run(batches(count))) expect(receipt.delivered).toBe(ROWS);
    };
    await Promise.all([run(first, 100), run(second, 50)]);
    expect([landed('a').length, landed('b').length]).toEqual([1_000, 500]);
    expect(first.engine.ledger.accepted + second.engine.ledger.accepted).toBe(1_500);
  });
});

describe('one data directory', () => {
  it('refuses a second writer within a second, naming the first', async () => {
    await using _first = await open('a');
    const startedMs = performance.now();
    await expect(open('a')).rejects.toMatchObject({
      name: 'DirectoryLockedError',
      code: 'DIRECTORY_LOCKED',
      message: expect.stringContaining(String(process.pid)),
    });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  it('lets a writer in that starts while a worker has the journal for a moment', async () => {
    const journal = await openSegmentJournal({
      directory: join(directory, 'a', 'journal'),
      chain: 'default',
      fs: nodeFileSystem,
      clock: systemClock,
      emit: () => {},
    });
    const opening = open('a');
    await pause(200);
    await journal.close();
    const fallback = await opening;
    await fallback.close();
  });
});

describe('a database that vanishes under its sink', () => {
  it('is noticed before the next write, so that nothing is acknowledged into a deleted file', async () => {
    await using fallback = await open('a');
    await fallback.submit(batchOf(0));
    for (const end of ['', '-wal', '-shm']) unlinkSync(join(directory, `a.db${end}`));
    expect(await fallback.submit(batchOf(1))).toMatchObject({ delivered: ROWS });
    expect(landed('a').map(({ batch }) => batch)).toEqual(new Array(ROWS).fill(1));
  });
});

describe('a batch that cannot be accepted', () => {
  it.each([
    ['no bytes', { body: '', format: 'ndjson' }, 'BATCH_EMPTY'],
    ['too many bytes', { body: 'x'.repeat(2_000), format: 'ndjson' }, 'BATCH_TOO_LARGE'],
    ['an unknown format', { body: 'x', format: 'yaml' }, 'BATCH_FORMAT_UNKNOWN'],
    ['a body that is no bytes', { body: 5, format: 'ndjson' }, 'BATCH_BODY_INVALID'],
  ])('with %s is refused in words before any work', async (_, input, code) => {
    const held = memorySink();
    await using fallback = await createFallback({ dir: directory, sink: held, batchBytesMax: 1_000 });
    await expect(fallback.submit(input as BatchInput)).rejects.toMatchObject({
      name: 'BatchError',
      code,
      hint: expect.stringMatching(/\w/),
    });
    expect(fallback.engine.ledger.accepted).toBe(0);
    expect(held.rows.size).toBe(0);
  });
});
