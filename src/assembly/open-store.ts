/** The store of a data directory: its own `objects`, or the one that was named. */
import { isAbsolute } from 'node:path';
import type { Clock, Random } from '../core/clock.ts';
import { makeDirectory, readState, writeState } from '../core/durable-file.ts';
import { ConfigError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import { fsStore } from '../stores/fs-store.ts';
import { hidePassword } from '../stores/hide-password.ts';
import { s3Store } from '../stores/s3-store.ts';
import { parseS3Url } from '../stores/s3-url.ts';
import type { Store } from '../stores/store.ts';
import type { DataDirectory } from './data-directory.ts';

/** A store, or one as text: `s3://bucket/prefix?endpoint=…`, or `fs:/an/absolute/directory`. */
export type StoreLike = Store | string;

export interface StorePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly fs: FileSystem;
}

/** @throws ConfigError for a text that names no store */
export function openStore(like: StoreLike | undefined, paths: DataDirectory, ports: StorePorts): Store {
  if (like === undefined) return fsStore({ directory: paths.objects, fs: ports.fs });
  if (typeof like !== 'string') return like;
  if (like.startsWith('s3:')) return s3Store({ ...parseS3Url(like), clock: ports.clock, random: ports.random });
  const [, directory] = /^fs:(.+)$/.exec(like) ?? [];
  if (directory !== undefined && isAbsolute(directory)) return fsStore({ directory, fs: ports.fs });
  throw new ConfigError(
    'store',
    `found ${JSON.stringify(hidePassword(like))}, expected s3://BUCKET/PREFIX or fs:DIRECTORY`,
    'For example s3://bucket/pipelines/a?region=eu-central-1, or fs: and an absolute path.',
  );
}

const MARKER = 'store.json';

/**
 * Remembers in the data directory which store its jobs are about, when it is not its own. The queue knows objects by
 * their keys alone: in another store it would look for them in vain.
 * @param isIdle whether no job waits
 * @param first of a store that was widened by an overflow: it still holds what it held alone
 * @throws ConfigError when jobs wait and the store is another one than before
 */
export async function keepToStore(
  store: Store,
  like: StoreLike | undefined,
  { root }: DataDirectory,
  fs: FileSystem,
  isIdle: () => Promise<boolean>,
  first: Store = store,
): Promise<void> {
  const before = (await readState(fs, root, MARKER))?.['store'] ?? null;
  const isPlain = store === first;
  const alone = like === undefined ? null : first.name;
  const now = isPlain ? alone : store.name;
  if (before === now) return;
  const isWidened = !isPlain && before === alone;
  if (!isWidened && !(await isIdle())) {
    throw new ConfigError(
      'store',
      `is ${now ?? 'the data directory'}, but the jobs in ${root} are about objects in ${before ?? 'the data directory'}`,
      'Run "tierfall reconcile" with the store that was used before; when no job waits, the store can be changed.',
    );
  }
  await makeDirectory(fs, root);
  await writeState(fs, root, MARKER, { store: now });
}
