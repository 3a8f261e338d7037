import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRow, framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import { ConfigError, InputError } from '../../src/core/errors.ts';
import { type FileBatch, type ReadOptions, readBatches } from '../../src/ingress/files.ts';

function inPieces(text: string, size: number): Readable {
  const bytes = Buffer.from(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
  return Readable.from(pieces, { objectMode: false });
}

async function read(text: string, options: Partial<ReadOptions> = {}, size = 7): Promise<FileBatch[]> {
  const batches: FileBatch[] = [];
  const reading = readBatches({
    input: inPieces(text, size),
    format: 'json',
    jsonPath: '/data/items',
    ...options,
  });
  for await (const batch of reading) batches.push(batch);
  return batches;
}

function recordsOf(batches: readonly FileBatch[]): unknown[] {
  return batches.flatMap(({ input }) => {
    const batch = new Batch(input, 'test', framer, 0);
    return Array.from({ length: batch.rowCount }, (_, row) => decodeRow(batch, row));
  });
}

const ELEMENTS = [{ a: 1 }, [2, [3]], 'x,]', null, { b: { c: [] } }, [[4]], 5];
const DOCUMENT = JSON.stringify({ meta: { items: [0] }, data: { items: ELEMENTS, more: [1] } });

describe('a read along a path', () => {
  it('gives just the records it leads to, whatever the pieces and the batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 8 }),
        async (size, batchRows) => {
          const batches = await read(DOCUMENT, { batchRows }, size);
          expect(recordsOf(batches)).toEqual(ELEMENTS);
          expect(batches.map(({ rows }) => rows).slice(0, -1)).toEqual(batches.slice(1).map(() => batchRows));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('keeps each comma without a place as one record, whatever the pieces and the batches', async () => {
    const text = '{"data":{"items":[,{"a":1} ,, [2],"x",],"more":[,]}}';
    for (const size of [1, 3, 100]) {
      for (const batchRows of [1, 2, 10]) {
        const batches = await read(text, { batchRows }, size);
        const rows = batches.flatMap(({ input }) => {
          const { frame } = new Batch(input, 'test', framer, 0);
          return Array.from({ length: frame.rowCount }, (_, row) => Buffer.from(frame.row(row)).toString());
        });
        expect(rows).toEqual([',', '{"a":1}', ',', '[2]', '"x"', ',']);
        for (const [at, { endOffset }] of batches.entries()) {
          const rest = await read(text, { batchRows, from: { offset: endOffset } }, 5);
          expect(rest).toEqual(batches.slice(at + 1));
        }
      }
    }
  });

  it('goes on behind any batch with the same batches', async () => {
    const whole = await read(DOCUMENT, { batchRows: 2 });
    for (const [at, { endOffset }] of whole.entries()) {
      expect(await read(DOCUMENT, { batchRows: 2, from: { offset: endOffset } }, 11)).toEqual(
        whole.slice(at + 1),
      );
    }
  });

  it('holds no more than the record limit of one element', async () => {
    const text = JSON.stringify({ data: { items: [1, 'x'.repeat(5000)] } });
    await expect(read(text, { recordBytesMax: 1000 })).rejects.toMatchObject({
      code: 'INPUT_RECORD_TOO_LARGE',
    });
    expect(
      recordsOf(await read(`{"skipped":"${'y'.repeat(5000)}",${text.slice(1)}`, { recordBytesMax: 6000 })),
    ).toHaveLength(2);
  });

  it('fails when there is nothing, after what there was in the documents before', async () => {
    const batches: FileBatch[] = [];
    const reading = readBatches({
      input: inPieces(`${DOCUMENT} {"data":{}}`, 9),
      format: 'json',
      jsonPath: '/data/items',
    });
    await expect(async () => {
      for await (const batch of reading) batches.push(batch);
    }).rejects.toThrow(`in the document at byte ${DOCUMENT.length + 1} there is nothing at /data/items`);
    await expect(read('{"data":{"items":')).rejects.toThrow(InputError);
    await expect(read('{"data":{"items":[]}}')).rejects.toMatchObject({ code: 'INPUT_EMPTY' });
  });

  it('refuses a path that is no pointer, and one into another format', async () => {
    await expect(read(DOCUMENT, { jsonPath: 'data' })).rejects.toThrow(ConfigError);
    await expect(read(DOCUMENT, { format: 'ndjson' })).rejects.toThrow('found it with format ndjson');
  });
});
