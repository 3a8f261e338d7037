/** What is left of a batch is brought back by the same judgement that the whole batch met. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createFallback, functionSink, SinkError } from '../../src/index.ts';
import { Field, Float64, Int32, Schema, Utf8 } from '../../src/schema/arrow.ts';

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const schema = new Schema([
  new Field('row', new Int32(), false),
  new Field('value', new Float64(), true),
  new Field('note', new Utf8(), true),
]);

/** 20 rows: three with a number as text, and one that no rule takes and that lacks a field besides. */
function body(): string {
  const lines = Array.from({ length: 20 }, (_, row) => {
    if (row === 7) return `{"row":7,"value":{"no":"number"},"note":5,"row2":1,"row3":1}`;
    return `{"row":${row},"value":${row % 6 === 3 ? `"${row}.5"` : row},"note":"n"}`;
  });
  return lines.join('\n');
}

describe('rows that are left of a batch', () => {
  it('are coerced at replay as they would have been live, however large their part of what is left', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tierfall-remainder-'));
    opened.push(() => rm(dir, { recursive: true, force: true }));
    const landed: number[] = [];
    let calls = 0;
    const sink = functionSink(async (records) => {
      calls += 1;
      // The rows that conform land; the others are deferred.
      if (calls === 2) throw new SinkError('missing-target', 'gone for a moment');
      landed.push(...records.map((record) => Number(record['row'])));
    });
    const fallback = await createFallback({ dir, sink, schema, worker: false });
    opened.push(() => fallback.close());
    const receipt = await fallback.submit({ body: body(), format: 'ndjson' });
    expect(receipt).toMatchObject({ delivered: 16, deferred: 4 });
    await fallback.reconcile();
    expect(landed.sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, row) => row).filter((row) => row !== 7),
    );
    expect(await fallback.report()).toMatchObject({ degraded: 3, quarantined: 1, pending: 0, balanced: true });
  });
});
