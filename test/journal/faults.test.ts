import { describe, expect, it } from 'vitest';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { bodiesIn, DIRECTORY, openOn, segmentsIn } from './rig.ts';

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Holds syncs or appends of segments, and watches what is done to a descriptor meanwhile and after a failure. */
class HeldDisk extends MemoryFileSystem {
  appends = 0;
  syncsAfterFailure = 0;
  closedWhileSyncing = 0;
  /** The append of this number fails. */
  failingAppend = 0;
  #held: 'append' | 'datasync' = 'datasync';
  #gate = Promise.resolve();
  #open = (): void => {};

  hold(held: 'append' | 'datasync' = 'datasync'): void {
    this.#held = held;
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  release(): void {
    this.#gate = Promise.resolve();
    this.#open();
  }

  override async open(path: string, mode: 'read' | 'append' | 'create') {
    const file = await super.open(path, mode);
    if (!path.endsWith('.seg') || mode !== 'create') return file;
    let hasFailed = false;
    let syncing = 0;
    return {
      ...file,
      append: async (chunks: readonly Uint8Array[]) => {
        this.appends += 1;
        if (this.appends === this.failingAppend) this.failNext('append', 'ENOSPC');
        if (this.#held === 'append') await this.#gate;
        await file.append(chunks);
      },
      datasync: async () => {
        if (hasFailed) this.syncsAfterFailure += 1;
        syncing += 1;
        if (this.#held === 'datasync') await this.#gate;
        await file.datasync().catch((error: unknown) => {
          hasFailed = true;
          throw error;
        });
        syncing -= 1;
      },
      close: async () => {
        if (syncing > 0) this.closedWhileSyncing += 1;
        await file.close();
      },
    };
  }
}

describe('a disk that fails', () => {
  const codes = { ENOSPC: 'STORAGE_FULL', EDQUOT: 'STORAGE_FULL', EROFS: 'STORAGE_DENIED', EIO: 'STORAGE_IO' };
  for (const [errno, code] of Object.entries(codes)) {
    it(`rejects the whole group with ${code} on ${errno}, and goes on in a new segment`, async () => {
      for (const operation of ['append', 'datasync'] as const) {
        const fs = new MemoryFileSystem();
        const { journal } = await openOn(fs, { segmentBytes: 1e6, groupBytes: 1e6 });
        await journal.append(sampleEntry(0));
        fs.failNext(operation, errno);
        const group = await Promise.allSettled([1, 2, 3].map((n) => journal.append(sampleEntry(n))));
        for (const result of group) {
          expect(result).toMatchObject({ status: 'rejected', reason: { name: 'StorageError', code } });
        }
        expect(await journal.append(sampleEntry(1))).toBeGreaterThan(3);
        expect([...(await bodiesIn(journal)).keys()]).toEqual([sampleEntry(0).key, sampleEntry(1).key]);
        expect((await segmentsIn(fs)).length).toBe(2);
      }
    });
  }

  it('never writes to a segment again after a failed sync, so a crash cannot take an acknowledged entry', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const fs = new MemoryFileSystem();
      const { journal } = await openOn(fs);
      fs.failNext('datasync', 'EIO');
      await journal.append(sampleEntry(1)).catch(() => undefined);
      await journal.append(sampleEntry(2)).catch(() => journal.append(sampleEntry(2)));
      fs.failNext('datasync', 'EIO');
      await expect(journal.append(sampleEntry(3))).rejects.toMatchObject({ code: 'STORAGE_IO' });
      await journal.append(sampleEntry(4));
      const { journal: after } = await openOn(fs.crash(() => seed / 20));
      const found = [...(await bodiesIn(after)).keys()];
      expect(found).toEqual(expect.arrayContaining([sampleEntry(2).key, sampleEntry(4).key]));
    }
  });

  it('fails a group that was written while the sync before it failed, and acknowledges nothing of it', async () => {
    const held = new HeldDisk();
    const { journal } = await openOn(held, { segmentBytes: 1e6, groupBytes: 500 });
    await journal.append(sampleEntry(0));
    held.hold();
    const body = new Uint8Array(400);
    const appends = [1, 2, 3].map((n) => journal.append(sampleEntry(n, { body })));
    const settled = Promise.allSettled(appends);
    await turns(20);
    expect(held.appends, 'the second group is written while the first one is synced').toBeGreaterThan(3);
    held.failNext('datasync', 'EIO');
    held.release();
    const results = await settled;
    expect(results.slice(0, 2)).toMatchObject([
      { status: 'rejected', reason: { code: 'STORAGE_IO' } },
      { status: 'rejected', reason: { code: 'STORAGE_IO' } },
    ]);
    expect(held.syncsAfterFailure, 'never retried on that descriptor').toBe(0);
    const found = [...(await bodiesIn(journal)).keys()];
    for (const [i, { status }] of results.entries()) {
      expect(found.includes(sampleEntry(i + 1).key)).toBe(status === 'fulfilled');
    }
    expect(await journal.append(sampleEntry(1, { body }))).toBeGreaterThan(2);
  });

  it('survives failures of every step of starting a segment', async () => {
    for (const operation of ['open', 'append', 'datasync', 'syncDirectory'] as const) {
      const fs = new MemoryFileSystem();
      const { journal } = await openOn(fs);
      fs.failNext(operation, 'ENOSPC');
      await expect(journal.append(sampleEntry(1))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
      await journal.append(sampleEntry(1));
      await journal.close();
      const { journal: again } = await openOn(fs);
      expect([...(await bodiesIn(again)).keys()]).toEqual([sampleEntry(1).key]);
      expect(again.damage).toEqual([]);
    }
  });

  it('resolves nobody before the sync: a held sync holds every append of its group', async () => {
    let release = (): void => {};
    class Held extends MemoryFileSystem {
      override async open(path: string, mode: 'read' | 'append' | 'create') {
        const file = await super.open(path, mode);
        if (!path.endsWith('.seg') || mode !== 'create') return file;
        let syncs = 0;
        return {
          ...file,
          datasync: async () => {
            syncs += 1;
            if (syncs === 1) await new Promise<void>((resolve) => (release = resolve));
            await file.datasync();
          },
        };
      }
    }
    const { journal } = await openOn(new Held());
    let resolved = 0;
    const appends = [1, 2, 3].map((n) => journal.append(sampleEntry(n)).then(() => (resolved += 1)));
    await turns(50);
    expect([resolved, (await journal.read(-1, 1e6)).length, journal.depth.entries]).toEqual([0, 0, 0]);
    release();
    await Promise.all(appends);
    expect(resolved).toBe(3);
  });

  it('frees space on a full disk: the checkpoint takes its room from the reserve', async () => {
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs, { segmentBytes: 700 });
    for (let n = 0; n < 8; n += 1) await journal.append(sampleEntry(n));
    const before = (await segmentsIn(fs)).length;
    expect((await fs.stat(`${DIRECTORY}/reserve`))?.size).toBe(65_536);
    fs.failNext('append', 'ENOSPC');
    await journal.checkpoint(7);
    expect(journal.checkpointed).toBe(7);
    expect((await segmentsIn(fs)).length).toBeLessThan(before);
    expect((await fs.stat(`${DIRECTORY}/reserve`))?.size).toBe(65_536);
  });

  it('lets no append take the room that a checkpoint was given back, and keeps it back again', async () => {
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs);
    await journal.append(sampleEntry(0));
    let appended: Promise<number> | undefined;
    let isAppended = false;
    let wasAppended: boolean | undefined;
    const { unlink } = fs;
    fs.unlink = async (path) => {
      await unlink.call(fs, path);
      if (!path.endsWith('/reserve') || appended !== undefined) return;
      appended = journal.append(sampleEntry(1)).finally(() => (isAppended = true));
      await turns(50);
      wasAppended = isAppended;
    };
    fs.failNext('append', 'ENOSPC');
    await journal.checkpoint(0);
    expect(wasAppended, 'while the reserve was lent').toBe(false);
    expect(await appended).toBe(1);
    expect((await fs.stat(`${DIRECTORY}/reserve`))?.size).toBe(65_536);
  });

  for (const held of ['append', 'datasync'] as const) {
    it(`lends the reserve only after a group that is under way, held in its ${held}`, async () => {
      const disk = new HeldDisk();
      const { journal } = await openOn(disk, { segmentBytes: 1e6 });
      await journal.append(sampleEntry(0));
      disk.hold(held);
      const under = journal.append(sampleEntry(1));
      await turns(20);
      let isLent = false;
      const { unlink } = disk;
      disk.unlink = async (path) => {
        if (path.endsWith('/reserve')) isLent = true;
        await unlink.call(disk, path);
      };
      disk.failNext('append', 'ENOSPC');
      const checkpoint = journal.checkpoint(0);
      await turns(20);
      expect(isLent).toBe(false);
      disk.release();
      expect(await under).toBe(1);
      await checkpoint;
      expect(isLent).toBe(true);
    });
  }

  it('lets go of a segment only after the sync that is under way when a write behind it fails', async () => {
    const disk = new HeldDisk();
    const { journal } = await openOn(disk, { segmentBytes: 1e6, groupBytes: 500 });
    await journal.append(sampleEntry(0));
    disk.hold();
    const body = new Uint8Array(400);
    // The first group is synced meanwhile.
    disk.failingAppend = disk.appends + 2;
    const appends = Promise.allSettled([1, 2, 3].map((n) => journal.append(sampleEntry(n, { body }))));
    await turns(20);
    expect(disk.appends).toBe(disk.failingAppend);
    disk.release();
    expect((await appends).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(disk.closedWhileSyncing).toBe(0);
  });

  it('keeps entries when the checkpoint cannot be written, and takes the same checkpoint later', async () => {
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs);
    for (let n = 0; n < 3; n += 1) await journal.append(sampleEntry(n));
    fs.failNext('rename', 'EIO');
    await expect(journal.checkpoint(1)).rejects.toMatchObject({ code: 'STORAGE_IO' });
    expect([journal.checkpointed, journal.depth.entries]).toEqual([-1, 3]);
    await journal.checkpoint(1);
    expect([journal.checkpointed, journal.depth.entries]).toEqual([1, 1]);
  });

  it('refuses an entry above its limit before anything is written', async () => {
    const fs = new MemoryFileSystem();
    const { journal } = await openOn(fs, { entryBytesMax: 1000 });
    const body = new Uint8Array(1000);
    await expect(journal.append(sampleEntry(1, { body }))).rejects.toMatchObject({
      code: 'JOURNAL_ENTRY_TOO_LARGE',
    });
    expect(await segmentsIn(fs)).toEqual([]);
  });
});

describe('group commit', () => {
  it('shares one sync among everybody who waits, up to the bytes of a group', async () => {
    let syncs = 0;
    class Counting extends MemoryFileSystem {
      override async open(path: string, mode: 'read' | 'append' | 'create') {
        const file = await super.open(path, mode);
        const datasync = (): Promise<void> => {
          if (path.endsWith('.seg')) syncs += 1;
          return file.datasync();
        };
        return { ...file, datasync };
      }
    }
    const { journal } = await openOn(new Counting(), { segmentBytes: 1e7, groupBytes: 1e6 });
    await Promise.all(Array.from({ length: 500 }, (_, n) => journal.append(sampleEntry(n))));
    expect(syncs).toBe(1);
    const body = new Uint8Array(400_000);
    await Promise.all([1000, 1001, 1002, 1003].map((n) => journal.append(sampleEntry(n, { body }))));
    expect(syncs).toBe(3);
  });
});
