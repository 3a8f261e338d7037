import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { completeLockfile, findLockfileFaults, type LockEntry, type Lockfile } from '../../scripts/lockfile.ts';

const lock: Lockfile = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));

function edit(path: string, change: (entry: LockEntry) => LockEntry | undefined): Lockfile {
  const { [path]: entry, ...others } = lock.packages;
  if (entry === undefined) throw new Error(`no entry ${path}`);
  const changed = change(entry);
  return { ...lock, packages: changed === undefined ? others : { ...others, [path]: changed } };
}

describe('package-lock.json', () => {
  it('has an entry for every optional package, a hash for every other one, and names no registry', () => {
    expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
    expect(findLockfileFaults(lock)).toEqual([]);
  });

  it('agrees with package.json on every dependency', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(lock.packages['']).toMatchObject({
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
    });
  });

  it('pins Node itself exactly', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(manifest.devDependencies.node).toBe(lock.packages['node_modules/node']?.version);
  });
});

describe('findLockfileFaults', () => {
  const darwin = 'node_modules/@biomejs/cli-darwin-arm64';

  it('finds a platform package that has no entry, and completing the lock adds it as it was', () => {
    const without = edit(darwin, () => undefined);
    expect(findLockfileFaults(without)).toEqual([`${darwin} (of node_modules/@biomejs/biome) has no entry`]);
    expect(completeLockfile(without)).toEqual(lock);
    expect(Object.keys(completeLockfile(without).packages)).toEqual(Object.keys(lock.packages));
  });

  it('finds an entry that has no hash, unless it is an optional platform package', () => {
    const naked = edit('node_modules/cockatiel', ({ integrity: _, ...rest }) => rest);
    expect(findLockfileFaults(naked)).toEqual(['node_modules/cockatiel has no integrity']);
    const disguised = edit('node_modules/cockatiel', ({ integrity: _, ...rest }) => ({
      ...rest,
      optional: true,
      os: ['linux'],
      cpu: ['x64'],
    }));
    expect(findLockfileFaults(disguised)).toEqual(['node_modules/cockatiel has no integrity']);
  });

  it('finds an entry that names a registry host', () => {
    const hosted = edit(darwin, (entry) => ({ ...entry, resolved: 'https://registry.example/x.tgz' }));
    expect(findLockfileFaults(hosted)).toEqual([`${darwin} names a registry: https://registry.example/x.tgz`]);
  });

  it('refuses to invent an entry for a package that is not pinned or whose name tells no platform', () => {
    const parent = 'node_modules/@biomejs/biome';
    const loose = edit(parent, (entry) => ({ ...entry, optionalDependencies: { 'x-linux-x64': '^1.0.0' } }));
    expect(() => completeLockfile(loose)).toThrow('x-linux-x64@^1.0.0');
    const nameless = edit(parent, (entry) => ({ ...entry, optionalDependencies: { 'some-addon': '1.0.0' } }));
    expect(() => completeLockfile(nameless)).toThrow('some-addon@1.0.0');
  });
});
