/**
 * What a lockfile must hold to install on every platform.
 *
 * npm leaves optional platform packages out of the lock when the registry it resolved against has no copy of
 * them, and `npm ci` then refuses the lock as out of step with package.json. The completed entries carry
 * what npm checks (version, os, cpu, libc) and no integrity, since there was nothing to hash.
 */

export interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly link?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

/** An optional dependency that the lock names but has no entry for. */
export interface MissingEntry {
  /** Where the entry belongs: `node_modules/@biomejs/cli-darwin-arm64`. */
  readonly path: string;
  readonly name: string;
  readonly range: string;
  /** Path of the entry that names it. */
  readonly parent: string;
  readonly dev: boolean;
}

const OS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const CPU = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.-]+)?$/;

/** Optional dependencies without an entry, in the order of the lock. */
export function findMissingEntries(lock: Lockfile): readonly MissingEntry[] {
  const missing = new Map<string, MissingEntry>();
  for (const [parent, entry] of Object.entries(lock.packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      if (resolvesFrom(lock, parent, name)) continue;
      const path = `node_modules/${name}`;
      missing.set(path, { path, name, range, parent, dev: entry.dev ?? false });
    }
  }
  return [...missing.values()];
}

function resolvesFrom(lock: Lockfile, parent: string, name: string): boolean {
  for (let at = parent; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const prefix = at === '' ? '' : `${at}/`;
    if (lock.packages[`${prefix}node_modules/${name}`] !== undefined) return true;
    if (at === '') return false;
  }
}

/**
 * The lock with every missing platform package added; the same lock again when nothing is missing.
 * @throws Error when a missing package is not pinned exactly, or its name does not tell its platform
 */
export function completeLockfile(lock: Lockfile): Lockfile {
  const added = findMissingEntries(lock).map((missing) => [missing.path, entryFor(missing)] as const);
  const all = [...Object.entries(lock.packages), ...added];
  // npm sorts by localeCompare in English; any other order would change the whole file at the next install.
  all.sort(([a], [b]) => a.localeCompare(b, 'en'));
  return { ...lock, packages: Object.fromEntries(all) };
}

function entryFor(missing: MissingEntry): LockEntry {
  const words = missing.name.split(/[/-]/);
  const os = OS.find((known) => words.includes(known));
  const cpu = CPU.find((known) => words.includes(known));
  if (os === undefined || cpu === undefined || !EXACT.test(missing.range)) {
    throw new Error(
      `${missing.name}@${missing.range} of ${missing.parent}: cannot tell its platform and version`,
    );
  }
  const libc = os === 'linux' ? libcOf(words) : undefined;
  return {
    version: missing.range,
    cpu: [cpu],
    ...(missing.dev ? { dev: true } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [os],
  };
}

function libcOf(words: readonly string[]): string | undefined {
  if (words.some((word) => word.startsWith('musl'))) return 'musl';
  return words.some((word) => word.startsWith('gnu')) ? 'glibc' : undefined;
}

/** Everything that would keep `npm ci` from working elsewhere, or weaken it, in words. */
export function findLockfileFaults(lock: Lockfile): readonly string[] {
  const faults = findMissingEntries(lock).map(
    (missing) => `${missing.path} (of ${missing.parent}) has no entry`,
  );
  const optional = new Set<string>();
  for (const entry of Object.values(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) optional.add(name);
  }
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '') continue;
    if (entry.resolved !== undefined) faults.push(`${path} names a registry: ${entry.resolved}`);
    if (entry.link === true) faults.push(`${path} is a link out of the package`);
    if (entry.integrity === undefined && !isPlatformPackage(path, entry, optional)) {
      faults.push(`${path} has no integrity`);
    }
  }
  return faults;
}

function isPlatformPackage(path: string, entry: LockEntry, optional: ReadonlySet<string>): boolean {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return entry.optional === true && entry.os !== undefined && entry.cpu !== undefined && optional.has(name);
}
