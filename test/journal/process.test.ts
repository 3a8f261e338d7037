import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { openSegmentJournal } from '../../src/journal/segment-journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { entryOf } from './writer.ts';

const WRITER = join(import.meta.dirname, 'writer.ts');
const NOBODY = 65_534;

let root: string;
let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tierfall-process-'));
  directory = join(root, 'journal');
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(root, { recursive: true });
});

function openHere(): Promise<Journal> {
  return openSegmentJournal({
    directory,
    chain: 'c',
    fs: nodeFileSystem,
    clock: new ManualClock(),
    emit: () => {},
  });
}

interface Writer {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves when `count` lines were printed or the process ended. */
  reach(count: number): Promise<void>;
  kill(): Promise<void>;
}

function startWriter(first: number, parallel: number, options: { uid?: number; gid?: number } = {}): Writer {
  const child = spawn(process.execPath, [WRITER, directory, String(first), String(parallel)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  children.push(child);
  const exited = once(child, 'close');
  const lines: string[] = [];
  let rest = '';
  let notify = (): void => {};
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    notify();
  });
  return {
    child,
    lines,
    reach: async (count) => {
      const reached = new Promise<void>((resolve) => {
        notify = () => lines.length >= count && resolve();
        notify();
      });
      await Promise.race([reached, exited]);
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function bodiesByKey(journal: Journal): Promise<Map<string, Buffer>> {
  const bodies = new Map<string, Buffer>();
  for (let at = -1; ; ) {
    const entries = await journal.read(at, 1_000_000);
    for (const entry of entries) bodies.set(entry.key, Buffer.from(entry.body));
    const last = entries.at(-1);
    if (last === undefined) return bodies;
    at = last.seq;
  }
}

function expectHeld(bodies: ReadonlyMap<string, Buffer>, acked: readonly number[]): void {
  const lost = acked.filter((number) => {
    const entry = entryOf(number);
    return Buffer.compare(bodies.get(entry.key) ?? Buffer.from('absent'), entry.body) !== 0;
  });
  expect(lost).toEqual([]);
}

describe('a process that is killed', () => {
  it('leaves every entry that it acknowledged, in ten kills at random moments', async () => {
    const acked: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const writer = startWriter(round * 100_000, [1, 16][round % 2] ?? 1);
      await writer.reach(2 + Math.floor(Math.random() * 150));
      await writer.kill();
      acked.push(...writer.lines.filter((line) => /^\d+$/.test(line)).map(Number));
    }
    expect(acked.length).toBeGreaterThan(50);
    const journal = await openHere();
    expectHeld(await bodiesByKey(journal), acked);
    await journal.close();
  });

  it('keeps others out while it lives, naming its pid at once, and frees the directory when it dies', async () => {
    const writer = startWriter(0, 1);
    await writer.reach(2);
    const startMs = performance.now();
    await expect(openHere()).rejects.toMatchObject({
      name: 'DirectoryLockedError',
      message: expect.stringContaining(String(writer.child.pid)),
    });
    expect(performance.now() - startMs).toBeLessThan(1000);
    await writer.kill();
    const journal = await openHere();
    expect(journal.depth.entries).toBeGreaterThan(0);
    await journal.close();
  });
});

describe('a directory', () => {
  it('is refused to a second journal of the same process, and free again after close', async () => {
    const journal = await openHere();
    await expect(openHere()).rejects.toMatchObject({
      name: 'DirectoryLockedError',
      message: expect.stringContaining('this process'),
    });
    await journal.close();
    await (await openHere()).close();
  });

  it('opens although its lock file was damaged', async () => {
    await mkdir(directory);
    const file = await nodeFileSystem.open(join(directory, 'lock.db'), 'create');
    await file.append([Buffer.alloc(4096, 'not a database ')]);
    await file.close();
    const journal = await openHere();
    await expect(openHere()).rejects.toMatchObject({ name: 'DirectoryLockedError' });
    await journal.close();
  });

  it('says STORAGE_DENIED with a hint when it may not be written', async () => {
    await mkdir(directory, { mode: 0o500 });
    await chmod(root, 0o755);
    const isRoot = process.getuid?.() === 0;
    const writer = startWriter(0, 1, isRoot ? { uid: NOBODY, gid: NOBODY } : {});
    await writer.reach(1);
    expect(writer.lines[0]).toMatch(/^error STORAGE_DENIED /);
  });
});

describe('a full disk', () => {
  it('stops acknowledging, keeps what it acknowledged, and goes on when space was freed', async () => {
    await mkdir(directory, { mode: 0o700 });
    const mounted =
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', directory]).status === 0;
    if (!mounted) {
      process.stdout.write('mount is not permitted here: the full disk is simulated only (faults.test.ts)\n');
      return;
    }
    try {
      const journal = await openHere();
      const acked: number[] = [];
      const refused: unknown[] = [];
      for (let number = 0; refused.length < 5; number += 1) {
        await journal.append(entryOf(number)).then(
          () => acked.push(number),
          (error: unknown) => refused.push(error),
        );
      }
      for (const error of refused) expect(error).toMatchObject({ name: 'StorageError', code: 'STORAGE_FULL' });
      expectHeld(await bodiesByKey(journal), acked);
      await journal.close();
      // Not even opening needs room.
      const reopened = await openHere();
      expectHeld(await bodiesByKey(reopened), acked);
      const last = (await reopened.read(-1, Number.POSITIVE_INFINITY)).at(-1);
      await reopened.checkpoint(last?.seq ?? -1);
      expect(reopened.depth.entries).toBe(0);
      await reopened.append(entryOf(90_001));
      await reopened.close();
    } finally {
      spawnSync('umount', [directory]);
    }
  });
});
