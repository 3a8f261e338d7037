import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORMATS, PRIORITIES } from '../../src/core/batch.ts';
import type { RawEntry } from '../../src/journal/journal.ts';
import { segmentHeader } from '../../src/journal/segment-file.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { DIRECTORY, openOn } from './rig.ts';

const SEGMENT = `${DIRECTORY}/0000000000000000.seg`;
const HEX = fc.constantFrom(...'0123456789abcdef');
/** Also halves of surrogate pairs, and characters that JSON escapes. */
const text = fc.string({ unit: 'binary', maxLength: 30 });

const anyEntry: fc.Arbitrary<RawEntry> = fc.record({
  purpose: fc.constantFrom('replay' as const, 'heal' as const),
  key: fc.string({ unit: HEX, minLength: 32, maxLength: 32 }),
  orderingKey: fc.option(text, { nil: undefined }),
  priority: fc.constantFrom(...PRIORITIES),
  format: fc.constantFrom(...FORMATS),
  attributes: fc.dictionary(text, text, { maxKeys: 4 }).map((found) => ({ ...found })),
  receivedAtMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
  reason: text,
  trail: text,
  rowCount: fc.nat(2 ** 31 - 1),
  rows: fc.option(fc.array(fc.nat(2 ** 31 - 1), { maxLength: 5 }), { nil: undefined }),
  sha256: fc.string({ unit: HEX, minLength: 64, maxLength: 64 }),
  body: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 9_000, maxLength: 9_100 })),
});

/** An entry as version 1 wrote it: all of its header is JSON. */
function entryOfVersion1(entry: RawEntry, seq: number): Uint8Array {
  const { body, ...rest } = entry;
  const header = new TextEncoder().encode(JSON.stringify(rest));
  const bytes = new Uint8Array(24 + header.length + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x8a, 0x54, 0x46, 0x45]);
  view.setUint32(4, bytes.length - 12, true);
  view.setBigUint64(12, BigInt(seq), true);
  view.setUint32(20, header.length, true);
  bytes.set(header, 24);
  bytes.set(body, 24 + header.length);
  view.setUint32(8, crc32(bytes.subarray(12)), true);
  return bytes;
}

function segmentOfVersion1(entries: readonly RawEntry[]): Uint8Array {
  const head = segmentHeader(0);
  const view = new DataView(head.buffer);
  view.setUint32(8, 1, true);
  view.setUint32(20, crc32(head.subarray(0, 20)), true);
  return Buffer.concat([head, ...entries.map(entryOfVersion1)]);
}

describe('an entry', () => {
  it('comes back with every field as it was, whatever its texts are, before and after a restart', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntry, async (entry) => {
        const fs = new MemoryFileSystem();
        const { journal } = await openOn(fs, { segmentBytes: 1e6 });
        const seq = await journal.append(entry);
        const plain = { ...entry, seq, body: Buffer.from(entry.body).toString('hex') };
        for (const opened of [journal, (await openOn(fs)).journal]) {
          const [read] = await opened.read(-1, 1e6);
          expect({ ...read, body: Buffer.from(read?.body ?? []).toString('hex') }).toEqual(plain);
          expect(opened.depth.bytes).toBe(entry.body.length);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('keeps its own texts, whichever the entry before it had', async () => {
    const texts = ['', 'unavailable', 'unavailable', 'größer', 'unavailable', 'x'.repeat(5_000), 'unavailable'];
    const entries = texts.flatMap((reason, i) =>
      texts.map((trail, j) =>
        sampleEntry(1 + i * texts.length + j, { reason, trail, attributes: { at: trail.slice(0, 5) } }),
      ),
    );
    const { journal } = await openOn(new MemoryFileSystem(), { segmentBytes: 1e6 });
    await Promise.all(entries.map((entry) => journal.append(entry)));
    const read = await journal.read(-1, 1e6);
    expect(read.map(({ key, reason, trail, attributes }) => ({ key, reason, trail, attributes }))).toEqual(
      entries.map(({ key, reason, trail, attributes }) => ({ key, reason, trail, attributes })),
    );
  });

  it('is refused when its key is none, and nothing is written', async () => {
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs);
    await expect(journal.append(sampleEntry(1, { key: 'not a key' }))).rejects.toMatchObject({
      code: 'JOURNAL_KEY_INVALID',
    });
    expect(journal.depth.entries).toBe(0);
  });

  it('is refused when a field is not of its type, and the journal goes on', async () => {
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs);
    for (const wrong of [{ priority: 'urgent' }, { format: 'xml' }, { rowCount: -1 }, { sha256: 'abc' }]) {
      const entry = sampleEntry(1, wrong as unknown as Partial<RawEntry>);
      await expect(journal.append(entry)).rejects.toMatchObject({ code: 'JOURNAL_ENTRY_INVALID' });
    }
    const [notHex, beside] = await Promise.allSettled([
      journal.append(sampleEntry(2, { sha256: 'x'.repeat(64) })),
      journal.append(sampleEntry(3)),
    ]);
    expect(notHex).toMatchObject({ status: 'rejected', reason: { name: 'StorageError' } });
    expect(beside?.status).toBe('fulfilled');
    expect((await journal.read(-1, 1e6)).map(({ key }) => key)).toEqual([sampleEntry(3).key]);
    expect(journal.damage).toEqual([]);
  });

  it('far larger than a step is read and written whole', async () => {
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs);
    const body = Buffer.alloc(9 * 1024 * 1024, 'large ');
    await journal.append(sampleEntry(1, { body }));
    const [read] = await journal.read(-1, 1);
    expect(Buffer.compare(read?.body ?? Buffer.alloc(0), body)).toBe(0);
  });
});

describe('a segment of version 1', () => {
  const entries = [sampleEntry(1), sampleEntry(2, { rows: [3, 4], purpose: 'heal', orderingKey: undefined })];

  it('is served as it was written, beside new segments', async () => {
    const fs = new MemoryFileSystem();
    fs.plant(SEGMENT, segmentOfVersion1(entries));
    const { journal } = await openOn(fs);
    expect(journal.damage).toEqual([]);
    expect(await journal.append(entries[0] as RawEntry)).toBe(0);
    expect(await journal.append(sampleEntry(3))).toBe(2);
    const read = await journal.read(-1, 1e6);
    expect(read.slice(0, 2).map((entry) => ({ ...entry, body: Uint8Array.from(entry.body) }))).toEqual(
      entries.map((entry, seq) => ({ ...entry, seq })),
    );
    expect(read.map(({ seq }) => seq)).toEqual([0, 1, 2]);
  });
});
