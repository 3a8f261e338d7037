import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBBlobValue, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FORMATS, PRIORITIES } from '../../src/core/batch.ts';
import { sha256 } from '../../src/core/keys.ts';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { decodeObject, encodeObject } from '../../src/stores/parquet.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';

let directory: string;
let duckdb: Awaited<ReturnType<DuckDBInstance['connect']>>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tierfall-parquet-'));
  duckdb = await (await DuckDBInstance.create(':memory:')).connect();
});
afterAll(() => rm(directory, { recursive: true }));

function entry(seq: number, body: Uint8Array, changes: Partial<JournalEntry> = {}): JournalEntry {
  return { ...sampleEntry(seq), body, sha256: sha256(body), seq, ...changes };
}

async function encode(
  entries: readonly JournalEntry[],
  meta: Record<string, string> = {},
): Promise<Uint8Array> {
  return Buffer.concat((await encodeObject(entries, meta)).chunks);
}

async function query(bytes: Uint8Array, select: string, where = 'true') {
  const path = join(directory, `${sha256(bytes).slice(0, 16)}.parquet`);
  await writeFile(path, bytes);
  return (
    await duckdb.runAndReadAll(`select ${select} from read_parquet('${path}') where ${where}`)
  ).getRowObjects();
}

/** Bodies compared as Buffers: comparing megabytes number by number takes seconds. */
function expectSame(found: readonly JournalEntry[], expected: readonly JournalEntry[]): void {
  expect(found.length).toBe(expected.length);
  for (const [i, one] of expected.entries()) {
    expect(Buffer.compare(found[i]?.body ?? new Uint8Array(1), one.body)).toBe(0);
    expect({ ...found[i], body: null }).toEqual({ ...one, body: null });
  }
}

const arbitraryEntry = fc
  .record({
    seq: fc.oneof(fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER)),
    purpose: fc.constantFrom('replay' as const, 'heal' as const),
    key: fc.stringMatching(/^[0-9a-f]{32}$/),
    orderingKey: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
    priority: fc.constantFrom(...PRIORITIES),
    format: fc.constantFrom(...FORMATS),
    attributes: fc.dictionary(fc.string(), fc.string()).map((record) => ({ ...record })),
    receivedAtMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    reason: fc.string({ unit: 'binary' }),
    trail: fc.json(),
    rowCount: fc.maxSafeNat(),
    rows: fc.option(fc.array(fc.nat()), { nil: undefined }),
    body: fc.uint8Array({ maxLength: 2000 }),
  })
  .map((record): JournalEntry => ({ ...record, sha256: sha256(record.body) }));

describe('object format', () => {
  it('gives back any entries as they were, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryEntry, { minLength: 1, maxLength: 8 }), async (entries) => {
        expectSame(await decodeObject(await encode(entries)), entries);
      }),
      { numRuns: 60 },
    );
  });

  it('is read by DuckDB with the same bytes, integers and times', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const entries = [
      entry(0, bytes, { rows: [0, 5], rowCount: 2 }),
      entry(Number.MAX_SAFE_INTEGER, new Uint8Array(0), {
        orderingKey: undefined,
        attributes: {},
        rowCount: 2 ** 40,
      }),
    ];
    const rows = await query(await encode(entries), '*, epoch_ms(received_at) as ms');
    expect(rows.map((row) => row['seq'])).toEqual([0n, 9_007_199_254_740_991n]);
    expect(rows.map((row) => row['row_count'])).toEqual([2n, 2n ** 40n]);
    expect(rows.map((row) => Number(row['ms']))).toEqual(entries.map((one) => one.receivedAtMs));
    expect(rows.map((row) => row['attributes'])).toEqual([
      '{"__proto__":"a column like any other","empty":"","source":"test"}',
      '{}',
    ]);
    expect(rows.map((row) => row['ordering_key'])).toEqual(['series-0', null]);
    expect(rows.map((row) => row['rows'])).toEqual(['[0,5]', null]);
    for (const [i, row] of rows.entries()) {
      const body = row['body'];
      expect(body).toBeInstanceOf(DuckDBBlobValue);
      if (body instanceof DuckDBBlobValue)
        expect(Buffer.compare(body.bytes, entries[i]?.body ?? bytes)).toBe(0);
    }
  });

  it('carries one body of 8 MiB and 5,000 of 1 KiB, random and so incompressible', async () => {
    const large = [entry(1, randomBytes(8 * 1024 * 1024))];
    const many = Array.from({ length: 5000 }, (_, i) => entry(i, randomBytes(1024)));
    for (const entries of [large, many]) {
      const bytes = await encode(entries);
      expectSame(await decodeObject(bytes), entries);
      const total = entries.reduce((sum, one) => sum + one.body.length, 0);
      const [row] = await query(
        bytes,
        'count(*) as n, sum(octet_length(body)) as bytes, sum((sha256(body) = sha256)::int) as good',
      );
      expect([row?.['n'], row?.['bytes'], row?.['good']].map(Number)).toEqual([
        entries.length,
        total,
        entries.length,
      ]);
      expect(bytes.length).toBeLessThan(total * 1.15);
    }
  });

  it('never writes the body into statistics: a large body is in the file once', async () => {
    const body = new TextEncoder().encode('{"reading": 1234567, "unit": "kelvin"}\n'.repeat(30_000));
    expect((await encode([entry(1, body)])).length).toBeLessThan(body.length / 5);
  });

  it('gives equal bytes for equal entries, whatever the order of their attributes', async () => {
    const body = randomBytes(100);
    const one = await encode([entry(1, body, { attributes: { a: '1', b: '2' } })], { x: '1', y: '2' });
    const other = await encode([entry(1, body, { attributes: { b: '2', a: '1' } })], { y: '2', x: '1' });
    expect(Buffer.compare(one, other)).toBe(0);
  });

  it('says the size and SHA-256 of the file it made', async () => {
    const object = await encodeObject([entry(1, randomBytes(3_000_000)), entry(2, randomBytes(3_000_000))], {});
    const bytes = Buffer.concat(object.chunks);
    expect([object.bytes, object.sha256]).toEqual([bytes.length, sha256(bytes)]);
  });

  it('finds a row by exact key and SHA-256 in DuckDB, so its statistics are right', async () => {
    const entries = Array.from({ length: 3000 }, (_, i) => entry(i, randomBytes(20)));
    const bytes = await encode(entries);
    for (const one of entries.filter((_, i) => i % 600 === 0)) {
      const rows = await query(bytes, 'seq', `sha256 = '${one.sha256}' and key = '${one.key}'`);
      expect(rows).toEqual([{ seq: BigInt(one.seq) }]);
    }
  });

  it('names the key of a body that does not match its SHA-256, and hands nothing out', async () => {
    const wrong = entry(7, randomBytes(10), { sha256: sha256(randomBytes(10)) });
    await expect(decodeObject(await encode([entry(1, randomBytes(5)), wrong]))).rejects.toMatchObject({
      code: 'STORAGE_CORRUPT',
      message: expect.stringContaining(wrong.key),
    });
  });

  it('refuses a file with any byte changed, before it is parsed', async () => {
    const bytes = await encode([entry(1, randomBytes(40)), entry(2, randomBytes(40))]);
    // The digest comes first: if nobody checks it, this fails there, before a reader is fed lengths that never end.
    const digestAt = Buffer.from(bytes).indexOf('TFDIGEST');
    for (let i = 0; i < bytes.length; i += 1) {
      const at = (digestAt + i) % bytes.length;
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      await expect(decodeObject(damaged)).rejects.toMatchObject({
        name: 'StorageError',
        code: 'STORAGE_CORRUPT',
      });
    }
  });

  it('refuses a file cut anywhere, and what is no Parquet at all', async () => {
    const bytes = await encode([entry(1, randomBytes(40))]);
    for (let length = 0; length < bytes.length; length += 1) {
      await expect(decodeObject(bytes.subarray(0, length))).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' });
    }
    await expect(decodeObject(randomBytes(5000))).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' });
  });

  it('gives way to the event loop while it encodes 8 MiB in 8,000 rows', async () => {
    const entries = Array.from({ length: 8192 }, (_, i) => entry(i, randomBytes(1024)));
    let turns = 0;
    const count = (): void => {
      turns += 1;
      ticking = setImmediate(count);
    };
    let ticking = setImmediate(count);
    await encodeObject(entries, {});
    clearImmediate(ticking);
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});
