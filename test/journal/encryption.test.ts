import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../src/core/key-ring.ts';
import type { RawEntry } from '../../src/journal/journal.ts';
import { SEGMENT_HEADER_BYTES } from '../../src/journal/segment-file.ts';
import { journalContract, sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { bodiesIn, DIRECTORY, hexOf, openOn, segmentsIn } from './rig.ts';

const SEGMENT = `${DIRECTORY}/0000000000000000.seg`;
const FIRST = { id: 'first', key: randomBytes(32) };
const SECOND = { id: 'second', key: randomBytes(32) };
const ONE_SEGMENT = { segmentBytes: 1e6 };
const ENTRIES: readonly RawEntry[] = [
  sampleEntry(1, { trail: '["secret words of the sink"]', attributes: { token: 'secret attribute' } }),
  sampleEntry(2, { body: new Uint8Array(0), rows: [1, 2] }),
  sampleEntry(3, { body: Buffer.from('secret body '.repeat(2000)) }),
  sampleEntry(4, { orderingKey: 'geheim: sécret' }),
];

/** The same without the long body: cutting it at every byte would take long and tell no more. */
const SHORT = [...ENTRIES.slice(0, 2), sampleEntry(3, { body: Buffer.from('short') }), ...ENTRIES.slice(3)];

async function written(keys = new KeyRing([FIRST]), entries = ENTRIES): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem();
  const { journal } = await openOn(fs, { ...ONE_SEGMENT, keys });
  for (const entry of entries) await journal.append(entry);
  await journal.close();
  return fs;
}

function boundaries(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ends = [SEGMENT_HEADER_BYTES];
  for (let at = SEGMENT_HEADER_BYTES; at < bytes.length; ends.push(at)) at += 12 + view.getUint32(at + 4, true);
  return ends;
}

describe('an encrypted journal keeps the contract', () => {
  const keys = new KeyRing([FIRST]);
  const host = async () => {
    const fs = new MemoryFileSystem();
    return {
      open: async () => (await openOn(fs, { keys, segmentBytes: 700, verifyBytes: 0 })).journal,
      dispose: async () => undefined,
    };
  };
  for (const { name, run } of journalContract(host)) it(name, run);
});

describe('an encrypted journal', () => {
  it('has no body, attribute, ordering key, reason or word of the sink on the disk', async () => {
    const bytes = Buffer.from(await (await written()).readFile(SEGMENT));
    for (const secret of ['secret', 'sécret', 'unavailable', 'series-']) {
      expect(bytes.includes(secret), secret).toBe(false);
    }
    for (const { sha256 } of ENTRIES) expect(bytes.includes(Buffer.from(sha256, 'hex'))).toBe(false);
  });

  it('counts, deduplicates and rebuilds its index without a key', async () => {
    const fs = await written();
    await fs.unlink(`${DIRECTORY}/0000000000000000.idx`);
    const { journal } = await openOn(fs);
    expect(journal.depth).toMatchObject({ entries: 4, rows: 4, bytes: 24_000 + 2 * 8 });
    expect(await journal.append(ENTRIES[1] as RawEntry)).toBe(1);
    expect(journal.damage).toEqual([]);
  });

  it('refuses to read without the key, names it, and loses nothing', async () => {
    const fs = await written();
    for (const keys of [
      undefined,
      new KeyRing([SECOND]),
      new KeyRing([{ id: 'first', key: randomBytes(32) }]),
    ]) {
      const { journal } = await openOn(fs, keys === undefined ? {} : { keys });
      await expect(journal.read(-1, 1e6)).rejects.toMatchObject({ code: 'ENCRYPTION_KEY_MISSING' });
      expect([journal.depth.entries, journal.damage]).toEqual([4, []]);
      await journal.close();
    }
    const { journal } = await openOn(fs, { keys: new KeyRing([FIRST]) });
    expect((await bodiesIn(journal)).size).toBe(4);
  });

  it('goes on under a new key while it runs, and reads both', async () => {
    const keys = new KeyRing([FIRST]);
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs, { keys });
    await journal.append(ENTRIES[0] as RawEntry);
    keys.add(SECOND);
    await journal.append(ENTRIES[3] as RawEntry);
    expect((await bodiesIn(journal)).size).toBe(2);
    await journal.checkpoint(0);
    keys.remove('first');
    expect((await bodiesIn(journal)).size).toBe(1);
    const { journal: plain } = await openOn(fs);
    await plain.append(sampleEntry(9));
    await expect(plain.read(0, 1e6)).rejects.toMatchObject({ message: expect.stringContaining('second') });
  });

  it('finds every single flipped bit, loses no more than the entry that was hit, and returns no wrong byte', async () => {
    const fs = await written();
    const bytes = await fs.readFile(SEGMENT);
    const ends = boundaries(bytes);
    const keys = new KeyRing([FIRST]);
    const step = (at: number): number => (at > 2_000 && at < bytes.length - 1_500 ? 997 : 1);
    for (let at = SEGMENT_HEADER_BYTES; at < bytes.length; at += step(at)) {
      const damaged = new MemoryFileSystem();
      damaged.plant(SEGMENT, bytes);
      damaged.corrupt(SEGMENT, at, 1 << (at % 8));
      const { journal } = await openOn(damaged, { keys });
      const hit = ENTRIES[ends.filter((end) => end <= at).length - 1];
      const found = await bodiesIn(journal);
      expect([...found.keys()]).toEqual(ENTRIES.filter((entry) => entry !== hit).map(({ key }) => key));
      for (const entry of ENTRIES) if (entry !== hit) expect(found.get(entry.key)).toBe(hexOf(entry));
      expect(journal.damage.length).toBe(1);
    }
  });

  it('opens after a tear at every byte, with every entry before it, and counts the rest', async () => {
    const keys = new KeyRing([FIRST]);
    const bytes = await (await written(keys, SHORT)).readFile(SEGMENT);
    const ends = boundaries(bytes);
    for (let size = 0; size <= bytes.length; size += 1) {
      const torn = new MemoryFileSystem();
      torn.plant(SEGMENT, bytes.subarray(0, size));
      const { journal } = await openOn(torn, { keys });
      const whole = SHORT.filter((_, at) => (ends[at + 1] ?? 0) <= size);
      expect(await bodiesIn(journal)).toEqual(new Map(whole.map((entry) => [entry.key, hexOf(entry)])));
      const lost = size - Math.max(0, ...ends.filter((end) => end <= size));
      expect(journal.damage.reduce((sum, one) => sum + one.bytes, 0)).toBe(lost);
      await journal.append(sampleEntry(99));
      await journal.close();
    }
  });

  it('takes an entry whose checksum was made to fit for damage, also in what is not hidden', async () => {
    const fs = await written();
    const bytes = await fs.readFile(SEGMENT);
    const [start = 0, end = 0] = boundaries(bytes);
    for (const at of [start + 24 + 4, start + 24 + 20, end - 1, end - 20]) {
      const forged = Uint8Array.from(bytes);
      forged[at] = (forged[at] ?? 0) ^ 1;
      const view = new DataView(forged.buffer);
      view.setUint32(start + 8, crc32(forged.subarray(start + 12, end)), true);
      const planted = new MemoryFileSystem();
      planted.plant(SEGMENT, forged);
      const { journal, events } = await openOn(planted, { keys: new KeyRing([FIRST]) });
      expect((await bodiesIn(journal)).size).toBe(3);
      expect(events.map(({ name }) => name)).toEqual(['journalDamaged']);
      expect((await planted.readFile(journal.damage[0]?.setAside ?? '')).length).toBe(end - start);
    }
  });

  it('is left alone by a journal without keys that appends beside it', async () => {
    const fs = await written();
    const { journal } = await openOn(fs);
    await journal.append(sampleEntry(9));
    await journal.close();
    expect((await segmentsIn(fs)).length).toBe(2);
    const { journal: again } = await openOn(fs, { keys: new KeyRing([FIRST]) });
    expect((await bodiesIn(again)).size).toBe(5);
  });
});
