/** Faults that only root can make. Where that is not permitted, one visible line says so and the test counts as skipped. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const NOBODY = 65_534;

export const isRoot = process.getuid?.() === 0;

/** A disk of its own, in memory, for the running test; undefined where mounting is not permitted. */
export function smallDisk(bytes: number): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'tierfall-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=777`, 'tmpfs', path]);
  onTestFinished(() => {
    if (status === 0) spawnSync('umount', ['-l', path]);
    rmSync(path, { recursive: true, force: true });
  });
  if (status === 0) return path;
  process.stdout.write('full disk: mounting is not permitted here, so this fault was not made\n');
  return undefined;
}

/** A directory that the user who tests without root's powers may neither read nor write. */
export function closedDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'tierfall-closed-'));
  mkdirSync(join(path, 'inner'));
  chmodSync(path, isRoot ? 0o700 : 0o000);
  onTestFinished(() => {
    chmodSync(path, 0o700);
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

/** Runs `work` without root's powers over permissions. */
export async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
  if (!isRoot) return work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
