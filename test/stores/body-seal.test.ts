import { randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { KeyRing } from '../../src/core/key-ring.ts';
import { sha256 } from '../../src/core/keys.ts';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { bodySeal, openBody } from '../../src/stores/body-seal.ts';
import { loadObjectWriter, PARQUET_WRITERS } from '../../src/stores/parquet/object-writers.ts';
import { decodeObject, encodeObject, type WriteObject } from '../../src/stores/parquet.ts';
import { entry, expectSame } from './object-files.ts';

const ring = new KeyRing([{ id: 'a', key: randomBytes(32) }]);
const BOUND = { 'tierfall.body-key': 'a', 'tierfall.body-seal': '2' };

describe.each(PARQUET_WRITERS)('bodies sealed in objects by the writer %s', (name) => {
  let write: WriteObject;
  beforeAll(async () => {
    write = await loadObjectWriter(name);
  });

  async function fileOf(entries: readonly JournalEntry[], meta?: Record<string, string>): Promise<Uint8Array> {
    const options = meta === undefined ? { write, seal: bodySeal(ring) } : { write };
    return Buffer.concat((await encodeObject(entries, meta ?? {}, options)).chunks);
  }

  /** The rows of a sealed object as they are in the file. */
  async function rowsOf(entries: readonly JournalEntry[]): Promise<JournalEntry[]> {
    const sealed: Uint8Array[] = [];
    const seal = bodySeal(ring);
    const spy = {
      keyId: seal.keyId,
      seal: (body: Uint8Array, facts: Uint8Array) => {
        sealed.push(seal.seal(body, facts));
        return sealed.at(-1) ?? body;
      },
    };
    await encodeObject(entries, {}, { write, seal: spy });
    return entries.map((one, i) => ({ ...one, body: sealed[i] ?? one.body }));
  }

  it('come back, whatever the texts of their rows are', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '\uFEFFx', '\uFEFF\uFEFF', '\u0000', '\uD800x', 'x\uDC00'),
    );
    const rows = fc.array(
      fc.record({
        seq: fc.maxSafeNat(),
        orderingKey: fc.option(text, { nil: undefined }),
        attributes: fc.dictionary(text, text).map((record) => ({ ...record })),
        reason: text,
        trail: text,
        receivedAtMs: fc.double({ min: 0, max: 4e12, noNaN: true }),
        rowCount: fc.maxSafeNat(),
        rows: fc.option(fc.array(fc.nat()), { nil: undefined }),
        body: fc.uint8Array({ maxLength: 100 }),
      }),
      { minLength: 1, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(rows, async (records) => {
        const entries = records.map(({ seq, body, ...changes }) => entry(seq, body, changes));
        const opened = await decodeObject(await fileOf(entries), openBody(ring));
        expect(opened.map(({ body }) => Buffer.from(body))).toEqual(
          entries.map(({ body }) => Buffer.from(body)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('open in no other row, and in none of which a column was changed', async () => {
    const [first, second] = await rowsOf([entry(1, Buffer.from('one')), entry(2, Buffer.from('two'))]);
    if (first === undefined || second === undefined) throw new Error('two rows are expected');
    expectSame(await decodeObject(await fileOf([first, second], BOUND), openBody(ring)), [
      entry(1, Buffer.from('one')),
      entry(2, Buffer.from('two')),
    ]);
    const forged: Readonly<Record<string, JournalEntry>> = {
      'the body of another row': { ...first, body: second.body, sha256: second.sha256 },
      seq: { ...first, seq: 7 },
      purpose: { ...first, purpose: 'heal' },
      key: { ...first, key: second.key },
      'ordering key': { ...first, orderingKey: 'other' },
      priority: { ...first, priority: 'low' },
      format: { ...first, format: 'csv' },
      attributes: { ...first, attributes: { separator: ';' } },
      'received at': { ...first, receivedAtMs: first.receivedAtMs + 1 },
      reason: { ...first, reason: 'refused' },
      trail: { ...first, trail: '[1]' },
      'row count': { ...first, rowCount: first.rowCount + 1 },
      rows: { ...first, rows: [9] },
      sha256: { ...first, sha256: sha256(Buffer.from('x')) },
    };
    for (const [what, row] of Object.entries(forged)) {
      const file = await fileOf([row], BOUND);
      await expect(decodeObject(file, openBody(ring)), what).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' });
    }
  });

  it('that were bound to nothing are still opened, and one that is bound is not taken for such a one', async () => {
    const plain = entry(1, Buffer.from('of old'));
    const header = Buffer.from('tierfall body 1');
    const old = { ...plain, body: ring.sealMessage(zstdCompressSync(plain.body), header) };
    const meta = { 'tierfall.body-key': 'a' };
    expectSame(await decodeObject(await fileOf([old], meta), openBody(ring)), [plain]);
    const [bound] = await rowsOf([plain]);
    if (bound === undefined) throw new Error('a row is expected');
    await expect(decodeObject(await fileOf([bound], meta), openBody(ring))).rejects.toMatchObject({
      code: 'STORAGE_CORRUPT',
    });
  });

  it('in a way that is not known yet are refused in words', async () => {
    const file = await fileOf([entry(1, Buffer.from('x'))], { ...BOUND, 'tierfall.body-seal': '3' });
    await expect(decodeObject(file, openBody(ring))).rejects.toMatchObject({ code: 'STORAGE_NEWER_FORMAT' });
  });

  it('of equal entries are equal bytes, and of equal bodies in other rows they are not', async () => {
    const body = Buffer.from('the same');
    expect(await fileOf([entry(1, body)])).toEqual(await fileOf([entry(1, body)]));
    const [one, two] = await rowsOf([entry(1, body), entry(2, body)]);
    expect(one?.body).not.toEqual(two?.body);
  });
});
