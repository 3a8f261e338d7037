import { randomBytes } from 'node:crypto';
import { DuckDBBlobValue } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FORMATS, PRIORITIES } from '../../src/core/batch.ts';
import { sha256 } from '../../src/core/keys.ts';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { loadObjectWriter, PARQUET_WRITERS } from '../../src/stores/parquet/object-writers.ts';
import { decodeObject, encodeObject, objectFacts, type WriteObject } from '../../src/stores/parquet.ts';
import { DuckReader, entry, expectSame } from './object-files.ts';

let duckdb: DuckReader;
beforeAll(async () => {
  duckdb = await DuckReader.open();
});
afterAll(() => duckdb.close());

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

const telemetry = (bytes: number): Uint8Array => {
  const line = '{"device":"sensor-17","reading":21.5,"unit":"celsius","ok":true}\n';
  return Buffer.from(line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes));
};

// Whichever package writes it, an object is the same to whoever reads it.
describe.each(PARQUET_WRITERS)('object format by the writer %s', (name) => {
  let write: WriteObject;
  beforeAll(async () => {
    write = await loadObjectWriter(name);
  });

  async function encode(entries: readonly JournalEntry[], meta: Record<string, string> = {}) {
    return Buffer.concat((await encodeObject(entries, meta, { write })).chunks);
  }

  /** Both readers see every body once and intact. */
  async function expectWhole(bytes: Uint8Array, entries: readonly JournalEntry[]): Promise<void> {
    expectSame(await decodeObject(bytes), entries);
    const counted = await duckdb.query(
      bytes,
      'count(*) as n, sum(octet_length(body)) as bytes, sum((sha256(body) = sha256)::int) as good',
    );
    const total = entries.reduce((sum, one) => sum + one.body.length, 0);
    expect(counted.map(({ n, bytes: found, good }) => [n, found, good].map(Number))).toEqual([
      [entries.length, total, entries.length],
    ]);
  }

  it('gives back any entries as they were, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryEntry, { maxLength: 8 }), async (entries) => {
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
        receivedAtMs: 0,
        rowCount: 2 ** 40,
      }),
    ];
    const rows = await duckdb.query(await encode(entries), '*, epoch_ms(received_at) as ms');
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

  it('may hold no entry at all', async () => {
    const bytes = await encode([], { a: 'b' });
    expect(await decodeObject(bytes)).toEqual([]);
    expect(await duckdb.query(bytes, 'count(*) as n')).toEqual([{ n: 0n }]);
  });

  it('carries one body of 64 MiB once: not in statistics, not in a footer', { timeout: 60_000 }, async () => {
    const entries = [entry(1, telemetry(64 * 1024 * 1024))];
    const bytes = await encode(entries);
    await expectWhole(bytes, entries);
    expect(bytes.length).toBeLessThan(1024 * 1024);
  });

  it('carries bodies of random bytes of every size around the sizes of pages', {
    timeout: 60_000,
  }, async () => {
    const sizes = [
      0, 1, 65_532, 65_533, 131_072, 131_073, 262_143, 262_145, 1_048_576, 4_194_304, 4_194_305, 3,
    ];
    const entries = sizes.map((size, i) => entry(i, randomBytes(size)));
    const bytes = await encode(entries);
    await expectWhole(bytes, entries);
    expect(bytes.length).toBeLessThan(sizes.reduce((sum, size) => sum + size, 0) * 1.01);
  });

  it('finds each of 10,000 rows by exact key and by SHA-256 in DuckDB', { timeout: 60_000 }, async () => {
    const entries = Array.from({ length: 10_000 }, (_, i) =>
      entry(i, randomBytes(600), { key: randomBytes(16).toString('hex') }),
    );
    const bytes = await encode(entries);
    await expectWhole(bytes, entries);
    for (const one of entries.filter((_, i) => i % 311 === 0)) {
      for (const column of ['key', 'sha256'] as const) {
        const rows = await duckdb.query(bytes, 'seq', `${column} = '${one[column]}'`);
        expect(rows, `${column} of ${one.seq}`).toEqual([{ seq: BigInt(one.seq) }]);
      }
    }
  });

  it('finds rows by text that is not ASCII, and says how many values are absent', async () => {
    const names = ['größe', 'zürich', '\u{10FFFF}', '\uFFFD', 'a', undefined, ''];
    const entries = names.map((orderingKey, i) => entry(i, randomBytes(10), { orderingKey }));
    const bytes = await encode(entries);
    for (const [i, one] of names.entries()) {
      const where = one === undefined ? 'ordering_key is null' : `ordering_key = '${one}'`;
      expect(await duckdb.query(bytes, 'seq', where)).toEqual([{ seq: BigInt(i) }]);
    }
  });

  it('gives equal bytes for equal entries, whatever the order of their attributes', async () => {
    const body = randomBytes(100);
    const one = await encode([entry(1, body, { attributes: { a: '1', b: '2' } })], { x: '1', y: '2' });
    const other = await encode([entry(1, body, { attributes: { b: '2', a: '1' } })], { y: '2', x: '1' });
    expect(Buffer.compare(one, other)).toBe(0);
  });

  it('keeps attributes of neighbours apart that differ in one name only', async () => {
    const attributes = [{ a: '1' }, { b: '1' }, { a: '1', b: '1' }, {}, { a: '2' }, { a: '2' }];
    const entries = attributes.map((some, i) => entry(i, randomBytes(3), { attributes: some }));
    expectSame(await decodeObject(await encode(entries)), entries);
  });

  it('says the size and SHA-256 of the file it made, and keeps its metadata', async () => {
    const entries = [entry(1, randomBytes(3_000_000)), entry(2, randomBytes(3_000_000))];
    const object = await encodeObject(entries, { 'tierfall.chain': 'größe' }, { write });
    const bytes = Buffer.concat(object.chunks);
    expect([object.bytes, object.sha256]).toEqual([bytes.length, sha256(bytes)]);
    const path = await duckdb.save(bytes);
    const meta = await duckdb.rows(
      `select decode(key) as k, decode(value) as v from parquet_kv_metadata('${path}')`,
    );
    expect(meta).toEqual([
      { k: 'tierfall.chain', v: 'größe' },
      { k: 'tierfall.rows', v: '2' },
    ]);
  });

  it('says how many records it holds, and is not handed out when it holds others (P7)', async () => {
    const entries = [entry(1, telemetry(300), { rowCount: 7 }), entry(2, telemetry(300), { rowCount: 5 })];
    expect(objectFacts(await encode(entries))).toEqual({ rows: 12, priority: 'normal' });
    const telling = (told: readonly (readonly [string, string])[]): WriteObject => {
      return (all, options, push) => write(all, { ...options, keyValues: told }, push);
    };
    const make = async (told: readonly (readonly [string, string])[]) =>
      Buffer.concat((await encodeObject(entries, {}, { write: telling(told) })).chunks);
    const former = await make([['tierfall.chain', 'c']]);
    expect(objectFacts(former).rows).toBeUndefined();
    expectSame(await decodeObject(former), entries);
    for (const told of ['11', '-1', '1e3', ''])
      await expect(decodeObject(await make([['tierfall.rows', told]]))).rejects.toMatchObject({
        code: 'STORAGE_CORRUPT',
      });
    for (const bytes of [new Uint8Array(3), Buffer.from('PAR1PAR1PAR1PAR1')])
      expect(() => objectFacts(bytes)).toThrow('footer');
  });

  it('names the key of a body that does not match its SHA-256, and hands nothing out', async () => {
    const wrong = entry(7, randomBytes(10), { sha256: sha256(randomBytes(10)) });
    await expect(decodeObject(await encode([entry(1, randomBytes(5)), wrong]))).rejects.toMatchObject({
      code: 'STORAGE_CORRUPT',
      message: expect.stringContaining(wrong.key),
    });
  });

  it('refuses a file with any byte changed, before it is parsed', { timeout: 30_000 }, async () => {
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

  it('refuses a file cut anywhere, and what is no Parquet at all', { timeout: 30_000 }, async () => {
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
    await encodeObject(entries, {}, { write });
    clearImmediate(ticking);
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it('keeps sealed bodies from every reader but the holder of the key', async () => {
    const flip = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte) => byte ^ 0x5a);
    const entries = [entry(1, telemetry(300_000)), entry(2, new Uint8Array(0)), entry(3, randomBytes(70_000))];
    const seal = { keyId: 'key-7', seal: flip };
    const bytes = Buffer.concat((await encodeObject(entries, { a: 'b' }, { write, seal })).chunks);
    const opened = await decodeObject(bytes, (keyId, sealed) => {
      expect(keyId).toBe('key-7');
      return flip(sealed);
    });
    expectSame(opened, entries);
    expect(bytes.length).toBeLessThan(90_000);
    const seen = await duckdb.query(bytes, '(sha256(body) = sha256)::int as readable');
    expect(seen).toEqual([{ readable: 0 }, { readable: 0 }, { readable: 0 }]);
    await expect(decodeObject(bytes)).rejects.toMatchObject({ message: expect.stringContaining('key-7') });
  });
});
