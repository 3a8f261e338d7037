/**
 * Disks of their own on loop devices, for campaigns. A campaign runs in a mount namespace of its own and every loop device
 * detaches itself when it is unmounted, so that nothing is left of either, however the campaign ends.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MIB = 1024 * 1024;
/** Smaller ones are refused by mkfs.xfs. */
const BACK_BYTES = 2_048 * MIB;

/**
 * How a disk is made, mounted and repaired, by name. A long commit interval: nothing becomes durable by itself. The one
 * without a journal is the only one that forgets a name whose directory was not synced: the others commit all names at once
 * with the first file that is synced.
 */
const KINDS = {
  ext4: { make: ['mkfs.ext4', '-q', '-F'], options: 'commit=300', repair: [] },
  'ext4-writeback': { make: ['mkfs.ext4', '-q', '-F'], options: 'commit=300,data=writeback', repair: [] },
  'ext4-bare': {
    make: ['mkfs.ext4', '-q', '-F', '-O', '^has_journal'],
    options: 'noatime',
    repair: ['e2fsck', '-fy'],
  },
  xfs: { make: ['mkfs.xfs', '-q', '-f'], options: 'nouuid', repair: [] },
} as const;

export type DiskKind = keyof typeof KINDS;

export function isDiskKind(name: string): name is DiskKind {
  return Object.hasOwn(KINDS, name);
}

/** @throws Error with the words of the command */
export function command(name: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(name, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

function makeImage(path: string, bytes: number, kind: DiskKind): void {
  writeFileSync(path, '');
  truncateSync(path, bytes);
  const [make, ...args] = KINDS[kind].make;
  command(make, ...args, path);
}

/** A directory of its own in memory, in which images of disks lie; `dispose` unmounts all that is mounted below. */
export function workbench(): { readonly path: string; dispose(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tierfall-disks-'));
  command('mount', '-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', path);
  return {
    path,
    dispose: () => {
      spawnSync('umount', ['-R', path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

export interface LoopDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly image: string;
  readonly device: string;
  unmount(): void;
  mount(): void;
}

/** A disk of so many bytes in `directory`, mounted. @param more options of the mount, each after a comma */
export function loopDisk(directory: string, bytes: number, kind: DiskKind = 'ext4', more = ''): LoopDisk {
  const [image, path] = [join(directory, 'disk.img'), join(directory, 'disk')];
  mkdirSync(path, { recursive: true });
  makeImage(image, bytes, kind);
  const mount = (): void => {
    command('mount', '-o', `loop,${KINDS[kind].options}${more}`, image, path);
  };
  mount();
  return {
    path,
    image,
    mount,
    unmount: () => void command('umount', path),
    get device() {
      return command('findmnt', '-n', '-o', 'SOURCE', path).trim();
    },
  };
}

export interface CuttableDisk {
  readonly path: string;
  /** Whether each directory is written by itself, in any order. */
  readonly forgetsNames: boolean;
  /** Takes what is on the medium at this moment; the disk goes on. */
  cut(): void;
  /** Mounts what the last cut took, in the disk's place. Nobody may have a file open on it. */
  restore(): void;
}

/** A disk whose image lies on a file system that clones files in an instant, whatever is being written to them. */
export function cuttableDisk(directory: string, bytes: number, kind: DiskKind): CuttableDisk {
  const back = join(directory, 'back');
  mkdirSync(back);
  makeImage(join(directory, 'back.img'), BACK_BYTES, 'xfs');
  command('mount', '-o', 'loop', join(directory, 'back.img'), back);
  const disk = loopDisk(back, bytes, kind);
  const [image, taken] = [join(back, 'disk.img'), join(back, 'taken.img')];
  return {
    path: disk.path,
    forgetsNames: kind === 'ext4-bare',
    cut: () => void command('cp', '--reflink=always', image, taken),
    restore: () => {
      disk.unmount();
      renameSync(taken, image);
      const [repair, ...args] = KINDS[kind].repair;
      // Its status says whether there was anything to repair.
      if (repair) spawnSync(repair, [...args, image]);
      disk.mount();
    },
  };
}

/** What a campaign needs and this machine does not have or permit, in words; undefined when all is there. */
export function whatIsMissing(programs: readonly string[]): string | undefined {
  for (const program of ['unshare', 'mount', 'umount', 'findmnt', ...programs]) {
    if (spawnSync(program, ['--version']).error !== undefined) return `${program} is not installed`;
  }
  const script = `set -e; d=$(mktemp -d); trap 'rmdir "$d"' EXIT; mount -t tmpfs tmpfs "$d"
    truncate -s 1M "$d/i"; mkfs.ext4 -q "$d/i"; mkdir "$d/m"; mount -o loop "$d/i" "$d/m"; umount -R "$d"`;
  const { status } = spawnSync('unshare', ['--mount', 'sh', '-c', script]);
  return status === 0 ? undefined : 'mounting a loop device is not permitted here';
}
