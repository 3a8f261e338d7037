import { describe, expect, it } from 'vitest';
import { writeState } from '../../src/core/durable-file.ts';
import { SEGMENT_HEADER_BYTES, SEGMENT_VERSION, segmentHeader } from '../../src/journal/segment-file.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { bodiesIn, DIRECTORY, hexOf, openOn, segmentsIn } from './rig.ts';

const ENTRIES = [
  sampleEntry(1),
  sampleEntry(2, { body: new Uint8Array(0) }),
  sampleEntry(3, { rows: [1, 2] }),
  sampleEntry(4),
];
const SEGMENT = `${DIRECTORY}/0000000000000000.seg`;

/** One segment with the four entries in it, as bytes. */
async function segmentBytes(): Promise<Uint8Array> {
  const fs = new MemoryFileSystem();
  const { journal } = await openOn(fs, { segmentBytes: 1e6 });
  for (const entry of ENTRIES) await journal.append(entry);
  await journal.close();
  return fs.readFile(SEGMENT);
}

/** Ends of the entries in a segment, by the lengths in it. */
function boundaries(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ends = [SEGMENT_HEADER_BYTES];
  for (let at = SEGMENT_HEADER_BYTES; at < bytes.length; ends.push(at)) at += 12 + view.getUint32(at + 4, true);
  return ends;
}

function planted(bytes: Uint8Array): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.plant(SEGMENT, bytes);
  return fs;
}

/** Every entry found must be one that was appended, byte for byte. */
async function expectTrue(found: Map<string, string>): Promise<void> {
  for (const [key, body] of found) {
    const original = ENTRIES.find((entry) => entry.key === key);
    expect(original && hexOf(original)).toBe(body);
  }
}

describe('a damaged segment', () => {
  it('opens after a tear at every byte, with every entry before it, and counts the rest', async () => {
    const bytes = await segmentBytes();
    const ends = boundaries(bytes);
    for (let size = 0; size <= bytes.length; size += 1) {
      const fs = planted(bytes.subarray(0, size));
      const { journal, events } = await openOn(fs);
      const found = await bodiesIn(journal);
      expect(found.size).toBe(ends.filter((end) => end <= size).length - (size < SEGMENT_HEADER_BYTES ? 0 : 1));
      await expectTrue(found);
      const torn = size - Math.max(0, ...ends.filter((end) => end <= size));
      expect(journal.damage.reduce((sum, one) => sum + one.bytes, 0)).toBe(torn);
      expect(events.filter(({ name }) => name === 'journalDamaged').length).toBe(torn > 0 ? 1 : 0);
      for (const { setAside, offset } of journal.damage) {
        expect(Buffer.compare(await fs.readFile(setAside), bytes.subarray(offset, size))).toBe(0);
      }
      await journal.append(sampleEntry(99));
      await journal.close();
      const again = await openOn(fs);
      expect(again.events).toEqual([]);
      expect(again.journal.damage).toEqual(journal.damage);
      expect((await bodiesIn(again.journal)).size).toBe(found.size + 1);
    }
  });

  it('opens with any bit flipped, loses at most the entry that was hit, and never returns a wrong body', async () => {
    const bytes = await segmentBytes();
    const ends = boundaries(bytes);
    for (let at = 0; at < bytes.length; at += 1) {
      for (const mask of [0x01, 0x80]) {
        const fs = planted(bytes);
        fs.corrupt(SEGMENT, at, mask);
        const { journal } = await openOn(fs);
        const found = await bodiesIn(journal);
        await expectTrue(found);
        const hit = at < SEGMENT_HEADER_BYTES ? undefined : ENTRIES[ends.filter((end) => end <= at).length - 1];
        expect([...found.keys()]).toEqual(ENTRIES.filter((entry) => entry !== hit).map((entry) => entry.key));
        expect(journal.damage.length).toBe(1);
        const [damage] = journal.damage;
        expect(at >= (damage?.offset ?? 1e9) && at < (damage?.offset ?? 0) + (damage?.bytes ?? 0)).toBe(true);
        // The place of a lost entry is never given to another one.
        expect(await journal.append(sampleEntry(99))).toBeGreaterThan(3);
      }
    }
  });

  it('opens with a block of zeros anywhere, and serves what the block did not touch', async () => {
    const bytes = await segmentBytes();
    const ends = boundaries(bytes);
    for (let from = 0; from < bytes.length; from += 7) {
      for (const length of [16, 200, 600]) {
        const damaged = Uint8Array.from(bytes).fill(0, from, from + length);
        const { journal } = await openOn(planted(damaged));
        const kept = ENTRIES.filter((_, i) => {
          const [start = 0, end = 0] = [ends[i], ends[i + 1]];
          return Buffer.compare(damaged.subarray(start, end), bytes.subarray(start, end)) === 0;
        });
        expect([...(await bodiesIn(journal)).keys()]).toEqual(kept.map((entry) => entry.key));
      }
    }
  });

  it('reports a span in the middle once, keeps it in the list, and sets its bytes aside', async () => {
    const fs = planted(await segmentBytes());
    fs.corrupt(SEGMENT, SEGMENT_HEADER_BYTES + 40, 0x55);
    const first = await openOn(fs);
    const second = await openOn(fs);
    expect(first.events.map(({ name }) => name)).toEqual(['journalDamaged']);
    expect(second.events).toEqual([]);
    expect(second.journal.damage).toEqual(first.journal.damage);
    const [damage] = first.journal.damage;
    expect(damage).toMatchObject({ file: SEGMENT, offset: SEGMENT_HEADER_BYTES });
    expect((await fs.readFile(damage?.setAside ?? '')).length).toBe(damage?.bytes);
  });

  it('never takes bytes inside a damaged entry for an entry of its own', async () => {
    const fs = new MemoryFileSystem();
    const inner = new MemoryFileSystem();
    const other = await openOn(inner, { segmentBytes: 1e6 });
    for (let n = 50; n < 54; n += 1) await other.journal.append(sampleEntry(n));
    const body = await inner.readFile(SEGMENT);
    const { journal } = await openOn(fs, { segmentBytes: 1e6, groupBytes: 1e6 });
    for (const entry of [sampleEntry(1, { body }), sampleEntry(2)]) await journal.append(entry);
    fs.corrupt(SEGMENT, SEGMENT_HEADER_BYTES + 30, 0x01);
    const reopened = await openOn(fs);
    expect([...(await bodiesIn(reopened.journal)).keys()]).toEqual([sampleEntry(2).key]);
  });

  it('does not skip intact entries when a damaged length points past them', async () => {
    const bytes = await segmentBytes();
    const ends = boundaries(bytes);
    for (let later = 2; later < ends.length; later += 1) {
      const damaged = Uint8Array.from(bytes);
      const start = ends[0] ?? 0;
      new DataView(damaged.buffer).setUint32(start + 4, (ends[later] ?? 0) - start - 12, true);
      const { journal } = await openOn(planted(damaged));
      expect([...(await bodiesIn(journal)).keys()]).toEqual(ENTRIES.slice(1).map((entry) => entry.key));
    }
  });

  it('leaves out what decays after it was opened, and says so', async () => {
    const fs = planted(await segmentBytes());
    const { journal, events } = await openOn(fs);
    fs.corrupt(SEGMENT, SEGMENT_HEADER_BYTES + 50, 0x01);
    expect((await bodiesIn(journal)).size).toBe(3);
    expect(events.map(({ name }) => name)).toEqual(['journalDamaged']);
    expect(journal.depth.entries).toBe(3);
  });

  it('opens when the medium refuses to read', async () => {
    const fs = planted(await segmentBytes());
    fs.failNext('read', 'EIO');
    fs.failNext('read', 'EIO');
    const { journal } = await openOn(fs);
    expect(journal.damage.map(({ setAside }) => setAside)).toEqual([SEGMENT]);
    expect(await journal.append(sampleEntry(99))).toBeGreaterThan(3);
  });

  it('keeps the segment, past every checkpoint, while its damaged bytes cannot be set aside', async () => {
    const fs = planted(await segmentBytes());
    fs.corrupt(SEGMENT, SEGMENT_HEADER_BYTES + 40, 0x55);
    fs.failNext('rename', 'ENOSPC');
    const { journal } = await openOn(fs);
    expect(journal.damage.map(({ setAside }) => setAside)).toEqual([SEGMENT]);
    await journal.checkpoint(await journal.append(sampleEntry(99)));
    expect(await segmentsIn(fs)).toContain('0000000000000000.seg');
    await journal.close();
    // There is room again: the bytes are set aside, and the segment may go.
    const { journal: again } = await openOn(fs);
    const [damage] = again.damage;
    expect((await fs.readFile(damage?.setAside ?? '')).length).toBe(damage?.bytes);
    expect(damage?.setAside).not.toBe(SEGMENT);
    await again.checkpoint(await again.append(sampleEntry(100)));
    expect(await segmentsIn(fs)).not.toContain('0000000000000000.seg');
  });
});

describe('a journal directory', () => {
  it('refuses a newer format with its version, and changes nothing', async () => {
    const newer = segmentHeader(0);
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs);
    await journal.append(sampleEntry(1));
    await journal.close();
    const view = new DataView(newer.buffer);
    view.setUint32(8, SEGMENT_VERSION + 1, true);
    const { crc32 } = await import('node:zlib');
    view.setUint32(20, crc32(newer.subarray(0, 20)), true);
    const path = `${DIRECTORY}/0000000000000009.seg`;
    fs.plant(path, newer);
    fs.corrupt(SEGMENT, 60, 1);
    const before = await fs.readFile(SEGMENT);
    await expect(openOn(fs)).rejects.toMatchObject({ name: 'StorageError', code: 'JOURNAL_VERSION_NEWER' });
    expect(await fs.readFile(SEGMENT)).toEqual(before);
    expect(await fs.readFile(path)).toEqual(newer);
  });

  it('starts from the oldest segment when the checkpoint is lost or damaged', async () => {
    for (const spoil of [
      (fs: MemoryFileSystem) => fs.unlink(`${DIRECTORY}/checkpoint`),
      async (fs: MemoryFileSystem) => fs.corrupt(`${DIRECTORY}/checkpoint`, 8, 0x01),
      async (fs: MemoryFileSystem) => fs.plant(`${DIRECTORY}/checkpoint`, new Uint8Array(0)),
    ]) {
      const fs = new MemoryFileSystem();
      const { journal } = await openOn(fs, { segmentBytes: 1e6 });
      for (const entry of ENTRIES) await journal.append(entry);
      await journal.checkpoint(2);
      await journal.close();
      await spoil(fs);
      const reopened = await openOn(fs);
      expect(reopened.journal.checkpointed).toBe(-1);
      expect((await bodiesIn(reopened.journal)).size).toBe(4);
    }
  });

  it('frees whole segments below the checkpoint, and only those', async () => {
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs, { segmentBytes: 500 });
    for (let n = 0; n < 12; n += 1) await journal.append(sampleEntry(n));
    const before = await segmentsIn(fs);
    expect(before.length).toBeGreaterThan(4);
    await journal.checkpoint(6);
    const after = await segmentsIn(fs);
    expect(after.length).toBeLessThan(before.length);
    expect((await bodiesIn(journal)).size).toBe(5);
    await journal.checkpoint(11);
    expect((await segmentsIn(fs)).length).toBe(1);
  });

  it('keeps new seqs above a checkpoint whose segments are gone', async () => {
    const fs = new MemoryFileSystem();
    await fs.mkdir(DIRECTORY);
    await writeState(fs, DIRECTORY, 'checkpoint', { seq: 41 });
    const { journal } = await openOn(fs);
    expect(journal.checkpointed).toBe(41);
    expect(await journal.append(sampleEntry(1))).toBe(42);
  });
});
