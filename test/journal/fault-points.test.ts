import { describe, expect, it, type TestContext } from 'vitest';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { CALLS, canTrace, runUnder } from './fault-runner.ts';
import { bodiesIn, hexOf, openOn } from './rig.ts';

/** Needs strace; `npm run faults` runs every point there is. */
function traceOrSkip(context: TestContext): void {
  if (canTrace()) return;
  process.stdout.write('strace is missing or may not trace here: faults of the system are only simulated\n');
  context.skip();
}

describe('under a fault of the system, at a few of its points', () => {
  it('loses nothing acknowledged to SIGKILL at a write, a sync and a rename', async (context) => {
    traceOrSkip(context);
    for (const [calls, when] of [
      [CALLS.write, 130],
      [CALLS.sync, 9],
      [CALLS.rename, 6],
    ] as const) {
      const { isHit, acked, faults } = await runUnder(`${calls}:signal=SIGKILL:when=${when}`, false);
      expect([isHit, faults], calls).toEqual([true, []]);
      // What acknowledged nothing had nothing to lose.
      expect(acked, calls).toBeGreaterThan(0);
    }
  });

  it('acknowledges nothing whose fdatasync failed, and never syncs that descriptor again', async (context) => {
    traceOrSkip(context);
    for (const when of [3, 4, 5]) {
      const run = await runUnder(`fdatasync:error=EIO:when=${when}`, true);
      expect(run).toMatchObject({ isHit: true, faults: [] });
      expect(run.refused, `point ${when}`).toBeGreaterThan(0);
      expect(run.acked + run.refused).toBe(30);
    }
  });
});

/** A disk that holds so many bytes and no more; the write that does not fit is written in part. */
class SmallDisk extends MemoryFileSystem {
  capacity: number;

  constructor(capacity: number) {
    super();
    this.capacity = capacity;
  }

  override async open(path: string, mode: 'read' | 'append' | 'create') {
    const file = await super.open(path, mode);
    const append = async (chunks: readonly Uint8Array[]): Promise<void> => {
      const whole = Buffer.concat(chunks);
      const room = Math.max(0, Math.min(whole.length, this.capacity));
      this.capacity -= room;
      await file.append([whole.subarray(0, room)]);
      if (room < whole.length) throw Object.assign(new Error('ENOSPC: simulated'), { code: 'ENOSPC' });
    };
    return { ...file, append };
  }
}

describe('a disk that fills up', () => {
  it('at any of fifty points stops acknowledging, keeps what it acknowledged, and goes on once there is room', async () => {
    for (let point = 0; point < 50; point += 1) {
      // The reserve and the first entry fit; then ever more of the next ones.
      const disk = new SmallDisk(65_536 + 400 + point * 113);
      const { journal } = await openOn(disk);
      const acked = new Map<string, string>();
      let refused = 0;
      for (let n = 0; refused < 3; n += 1) {
        const entry = sampleEntry(n);
        await journal.append(entry).then(
          () => acked.set(entry.key, hexOf(entry)),
          (error: unknown) => {
            expect(error).toMatchObject({ code: 'STORAGE_FULL', retryable: true });
            refused += 1;
          },
        );
      }
      expect(acked.size).toBeGreaterThan(0);
      expect(await bodiesIn(journal)).toEqual(acked);
      disk.capacity = 1e6;
      const late = sampleEntry(1_000);
      await journal.append(late);
      acked.set(late.key, hexOf(late));
      const { journal: after } = await openOn(disk.crash(() => 0.5));
      const left = await bodiesIn(after);
      for (const [key, body] of acked) expect(left.get(key)).toBe(body);
    }
  });

  it('can still be checkpointed and so freed, out of the reserve', async () => {
    const disk = new SmallDisk(65_536 + 3_000);
    const { journal } = await openOn(disk, { segmentBytes: 700 });
    let last = -1;
    for (let n = 0; ; n += 1) {
      const seq = await journal.append(sampleEntry(n)).catch(() => undefined);
      if (seq === undefined) break;
      last = seq;
    }
    const { unlink } = disk;
    disk.unlink = async (path) => {
      disk.capacity += (await disk.stat(path))?.size ?? 0;
      await unlink.call(disk, path);
    };
    await journal.checkpoint(last);
    expect(journal.depth.entries).toBe(0);
    expect(await journal.append(sampleEntry(500))).toBeGreaterThan(last);
  });
});
