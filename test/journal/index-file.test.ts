import { describe, expect, it } from 'vitest';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { bodiesIn, DIRECTORY, openOn, segmentsIn } from './rig.ts';

const INDEX = `${DIRECTORY}/0000000000000000.idx`;
const SEGMENT = `${DIRECTORY}/0000000000000000.seg`;
/** Trusts every index that fits. */
const TRUSTING = { verifyBytes: 0, segmentBytes: 1000 };

/** A closed journal of ten entries in several segments. */
async function closedJournal(): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem();
  const { journal } = await openOn(fs, TRUSTING);
  for (let n = 0; n < 10; n += 1) await journal.append(sampleEntry(n));
  await journal.close();
  return fs;
}

async function indexesIn(fs: MemoryFileSystem): Promise<string[]> {
  return (await fs.readdir(DIRECTORY)).map(({ name }) => name).filter((name) => name.endsWith('.idx'));
}

/** Counts reads of segments beyond their head. */
class WatchedDisk extends MemoryFileSystem {
  reads = 0;
  override async open(path: string, mode: 'read' | 'append' | 'create') {
    const file = await super.open(path, mode);
    const read = (position: number, length: number): Promise<Uint8Array> => {
      if (path.endsWith('.seg') && length > 24) this.reads += 1;
      return file.read(position, length);
    };
    return { ...file, read };
  }
}

describe('the index beside a segment', () => {
  it('is written for every sealed segment, and goes with it', async () => {
    const fs = await closedJournal();
    expect((await indexesIn(fs)).map((name) => name.replace('idx', 'seg'))).toEqual(await segmentsIn(fs));
    const { journal } = await openOn(fs, TRUSTING);
    await journal.checkpoint(9);
    expect([(await indexesIn(fs)).length, (await segmentsIn(fs)).length]).toEqual([1, 1]);
  });

  it('spares the reading of the segment at open, and counts the same', async () => {
    const planted = new WatchedDisk();
    const fs = await closedJournal();
    for (const { name, isDirectory } of await fs.readdir(DIRECTORY)) {
      if (!isDirectory) planted.plant(`${DIRECTORY}/${name}`, await fs.readFile(`${DIRECTORY}/${name}`));
    }
    const { journal } = await openOn(planted, TRUSTING);
    expect(planted.reads).toBe(0);
    expect(journal.depth).toMatchObject({ entries: 10, rows: 10 });
    expect(await journal.append(sampleEntry(4))).toBe(4);
    expect((await bodiesIn(journal)).size).toBe(10);
    expect(planted.reads).toBeGreaterThan(0);
  });

  const spoilers: Readonly<Record<string, (fs: MemoryFileSystem) => Promise<void> | void>> = {
    'is lost': (fs) => fs.unlink(INDEX),
    'has a bit flipped in its head': (fs) => fs.corrupt(INDEX, 20, 1),
    'has a bit flipped in its columns': (fs) => fs.corrupt(INDEX, 60, 1),
    'is empty': (fs) => fs.plant(INDEX, new Uint8Array(0)),
    'is torn': async (fs) => fs.plant(INDEX, (await fs.readFile(INDEX)).subarray(0, 100)),
    'belongs to another segment': async (fs) =>
      fs.plant(INDEX, await fs.readFile(`${DIRECTORY}/${(await indexesIn(fs))[1]}`)),
    'cannot be read': (fs) => fs.failNext('read', 'EIO'),
  };
  for (const [name, spoil] of Object.entries(spoilers)) {
    it(`is made again when it ${name}`, async () => {
      const fs = await closedJournal();
      const before = await fs.readFile(INDEX);
      await spoil(fs);
      const { journal, events } = await openOn(fs, TRUSTING);
      fs.clearFailures();
      expect(journal.depth.entries).toBe(10);
      expect((await bodiesIn(journal)).size).toBe(10);
      expect(events).toEqual([]);
      await journal.close();
      const { journal: again } = await openOn(fs, TRUSTING);
      expect(again.depth.entries).toBe(10);
      expect(Buffer.compare(await fs.readFile(INDEX), before)).toBe(0);
    });
  }

  it('that is trusted hides no damage: what cannot be read is counted, set aside and left out', async () => {
    const fs = await closedJournal();
    fs.corrupt(SEGMENT, 100, 1);
    const { journal, events } = await openOn(fs, TRUSTING);
    expect(journal.damage).toEqual([]);
    expect((await bodiesIn(journal)).size).toBe(9);
    expect(events.map(({ name }) => name)).toEqual(['journalDamaged']);
    expect(journal.depth).toMatchObject({ entries: 9, rows: 9 });
    expect([...(await bodiesIn(journal)).keys()]).not.toContain(sampleEntry(0).key);
  });

  it('is not needed by a journal that runs: lost with damage in its segment, both are found', async () => {
    const fs = await closedJournal();
    const { journal, events } = await openOn(fs, TRUSTING);
    await fs.unlink(INDEX);
    fs.corrupt(SEGMENT, 100, 1);
    expect((await bodiesIn(journal)).size).toBe(9);
    expect(events.map(({ name }) => name)).toEqual(['journalDamaged']);
    expect(journal.depth.entries).toBe(9);
  });

  it('does not keep a journal from anything when it cannot be written', async () => {
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs, { segmentBytes: 1e6 });
    await journal.append(sampleEntry(1));
    fs.failNext('open', 'ENOSPC');
    await journal.close();
    expect(await indexesIn(fs)).toEqual([]);
    expect((await bodiesIn((await openOn(fs)).journal)).size).toBe(1);
  });

  it('of a segment that is gone is removed at open', async () => {
    const fs = await closedJournal();
    fs.plant(`${DIRECTORY}/0000000000009999.idx`, new Uint8Array(9));
    fs.plant(`${DIRECTORY}/0000000000000000.idx.tmp`, new Uint8Array(9));
    await openOn(fs, TRUSTING);
    expect(await indexesIn(fs)).not.toContain('0000000000009999.idx');
  });
});
