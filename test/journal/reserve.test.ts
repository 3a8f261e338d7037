import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { Reserve } from '../../src/journal/reserve.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { BLOCK_BYTES, BlockDisk } from './block-disk.ts';
import { DIRECTORY, openOn } from './rig.ts';

const RESERVE = `${DIRECTORY}/reserve`;

async function reserveBytes(disk: BlockDisk): Promise<number> {
  return (await disk.stat(RESERVE))?.size ?? 0;
}

/** Appends without an end, whatever is refused: whoever waits takes each block that becomes free. */
class Appender {
  refused = 0;
  #isOn = true;
  readonly #done: Promise<void>;

  constructor(journal: Journal) {
    this.#done = this.#run(journal);
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    await this.#done;
  }

  /** Resolves once the disk has no room for any of a few groups. */
  async fill(): Promise<void> {
    for (const end = this.refused + 8; this.refused < end; ) await nextTurn();
  }

  async #run(journal: Journal): Promise<void> {
    for (let n = 1_000; this.#isOn; n += 4) {
      const sizes = [0, 700, 1_400, 2_100];
      const group = sizes.map((size, i) => journal.append(sampleEntry(n + i, { body: new Uint8Array(size) })));
      for (const { status } of await Promise.allSettled(group)) if (status === 'rejected') this.refused += 1;
      await nextTurn();
    }
  }
}

describe('the reserve of a full disk', () => {
  for (const [how, isWrittenInPart] of [
    ['in part', true],
    ['not at all', false],
  ] as const) {
    it(`is never given away to those who append, so that each of many checkpoints finds its room; what does not fit is written ${how}`, async () => {
      const disk = new BlockDisk(64, isWrittenInPart);
      const { journal } = await openOn(disk, { segmentBytes: 6_000 });
      const appender = new Appender(journal);
      const held: number[] = [];
      for (let round = 0; round < 40; round += 1) {
        await appender.fill();
        const [oldest] = await journal.read(-1, 1);
        if (oldest === undefined) throw new Error('nothing was kept');
        await journal.checkpoint(oldest.seq).catch((error: unknown) => {
          throw new Error(`checkpoint ${round}, after reserves of ${held}`, { cause: error });
        });
        held.push(await reserveBytes(disk));
      }
      await appender.stop();
      expect(Math.min(...held)).toBeGreaterThanOrEqual(8 * BLOCK_BYTES);
      await journal.checkpoint((await journal.read(-1, 1e9)).at(-1)?.seq ?? -1);
      expect(journal.depth.entries).toBe(0);
      expect(await reserveBytes(disk), 'whole again once there is room').toBe(65_536);
    });
  }

  it('lets appends go on in a new segment when the only one is full of what the store owns', async () => {
    for (const isReopened of [false, true]) {
      const disk = new BlockDisk(40, true);
      let { journal } = await openOn(disk, { segmentBytes: 1e9 });
      let last = -1;
      for (let n = 0, refused = 0; refused < 5; n += 1) {
        const seq = await journal.append(sampleEntry(n, { body: new Uint8Array(900) })).catch(() => undefined);
        if (seq === undefined) refused += 1;
        else last = seq;
      }
      if (isReopened) {
        await journal.close();
        journal = (await openOn(disk, { segmentBytes: 1e9 })).journal;
      }
      await journal.checkpoint(last);
      const seqs: number[] = [];
      for (let n = 1_000; n < 1_010; n += 1) {
        seqs.push(await journal.append(sampleEntry(n, { body: new Uint8Array(900) })));
      }
      expect(Math.min(...seqs)).toBeGreaterThan(last);
      expect([await reserveBytes(disk), disk.freeBlocks > 10]).toEqual([65_536, true]);
      const { journal: again } = await openOn(disk);
      expect((await again.read(-1, 1e6)).map(({ seq }) => seq)).toEqual(seqs);
    }
  });

  it('is not spent while the index of a segment is being written', async () => {
    const disk = new BlockDisk(64, true);
    const { journal } = await openOn(disk, { segmentBytes: 700 });
    const { open, rename, unlink } = disk;
    const steps: string[] = [];
    disk.open = async (path, mode) => {
      // Until the checkpoint has found no room and waits.
      if (path.endsWith('.idx.tmp')) for (let turn = 0; turn < 20; turn += 1) await nextTurn();
      return open.call(disk, path, mode);
    };
    disk.rename = async (from, to) => {
      if (to.endsWith('.idx')) steps.push('index');
      await rename.call(disk, from, to);
    };
    disk.unlink = async (path) => {
      if (path === RESERVE) steps.push('spent');
      await unlink.call(disk, path);
    };
    for (let n = 0; n < 2; n += 1) await journal.append(sampleEntry(n, { body: new Uint8Array(600) }));
    disk.failNext('append', 'ENOSPC');
    await journal.checkpoint(0);
    expect(steps).toEqual(['index', 'spent']);
  });

  it('is kept and lent one after the other, whoever asks', async () => {
    const disk = new BlockDisk(40, false);
    await disk.mkdir(DIRECTORY);
    const reserve = new Reserve(disk, DIRECTORY);
    await Promise.all([reserve.keep(), reserve.keep()]);
    expect(await reserveBytes(disk)).toBe(65_536);
    const seen: number[] = [];
    const lent = reserve.lend(async () => {
      for (let turn = 0; turn < 40; turn += 1) await nextTurn();
      seen.push(await reserveBytes(disk));
      throw new Error('it was of no use');
    });
    // By now it is given back.
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    const kept = reserve.keep();
    await expect(lent).rejects.toThrow('it was of no use');
    await kept;
    expect([seen, await reserveBytes(disk)]).toEqual([[0], 65_536]);
  });

  it('keeps what there is of it when there is no room for more, and grows when there is', async () => {
    const disk = new BlockDisk(10, false);
    await disk.mkdir(DIRECTORY);
    const reserve = new Reserve(disk, DIRECTORY);
    const filler = await disk.open('/filler', 'create');
    await filler.append([new Uint8Array(7 * BLOCK_BYTES)]);
    const { unlink } = disk;
    disk.unlink = async (path) => {
      expect(path).not.toBe(RESERVE);
      await unlink.call(disk, path);
    };
    await reserve.keep();
    expect(await reserveBytes(disk)).toBe(3 * BLOCK_BYTES);
    await reserve.keep();
    expect(await reserveBytes(disk)).toBe(3 * BLOCK_BYTES);
    await disk.unlink('/filler');
    await reserve.keep();
    expect([await reserveBytes(disk), disk.freeBlocks]).toEqual([10 * BLOCK_BYTES, 0]);
  });
});
