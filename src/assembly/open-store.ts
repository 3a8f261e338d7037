/** The store of a data directory: its own `objects`, or the one that was named. */
import { isAbsolute } from 'node:path';
import type { Clock, Random } from '../core/clock.ts';
import { makeDirectory, readState, writeState } from '../core/durable-file.ts';
import { ConfigError, StorageError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import { fsStore } from '../stores/fs-store.ts';
import { hidePassword } from '../stores/hide-password.ts';
import { overflowStore } from '../stores/overflow-store.ts';
import { s3Store } from '../stores/s3-store.ts';
import { parseS3Url } from '../stores/s3-url.ts';
import { stoppableStore } from '../stores/stoppable-store.ts';
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
function openStore(like: StoreLike | undefined, paths: DataDirectory, ports: StorePorts): Store {
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

export interface StoresOptions {
  /** @default the directory `objects` of the data directory */
  readonly store?: StoreLike | undefined;
  /** Where objects go that `store` refuses while there is pressure, and where they are looked for. @default nowhere */
  readonly overflow?: StoreLike | undefined;
  /** @default never: only the writer knows */
  readonly isPressed?: (() => boolean) | undefined;
}

export interface OpenedStores {
  /** All of them as one. */
  readonly store: Store;
  /** What the data directory remembers of them: null = nothing but its own `objects`. */
  readonly label: string | null;
  /** The same without the overflow: what was stored under that label is found, too. */
  readonly narrowLabel: string | null;
  /** Ends every call that waits for a store. */
  letGo(): void;
}

/** @throws ConfigError for a text that names no store */
export function openStores(options: StoresOptions, paths: DataDirectory, ports: StorePorts): OpenedStores {
  const { overflow, isPressed = () => false } = options;
  const first = openStore(options.store, paths, ports);
  const whole =
    overflow === undefined
      ? first
      : overflowStore({ first, second: openStore(overflow, paths, ports), isPressed });
  const store = stoppableStore(whole);
  const narrowLabel = options.store === undefined ? null : first.name;
  return {
    store,
    label: overflow === undefined ? narrowLabel : whole.name,
    narrowLabel,
    letGo: () => store.stop(closing(paths.root)),
  };
}

function closing(root: string): StorageError {
  return new StorageError(
    'STORAGE_CLOSING',
    `the pipeline of ${root} is closing, and its store does not answer`,
    {
      hint: 'What was not stored stays in the journal; the next start stores it.',
      retryable: true,
    },
  );
}

const MARKER = 'store.json';

/** What a data directory remembers; null = its own `objects`. */
export interface FormerStore {
  readonly whole: string | null;
  /** Without the overflow: what its jobs are filed under. */
  readonly first: string | null;
}

/**
 * Remembers in the data directory which store its jobs are about, when it is not its own. The queue knows objects by
 * their keys alone: in another store it would look for them in vain.
 * @param isIdle whether nothing is left to do for that store
 * @throws ConfigError when something is and the store is another one than before; an overflow may always be added
 */
export async function keepToStore(
  { label, narrowLabel }: Pick<OpenedStores, 'label' | 'narrowLabel'>,
  { root }: DataDirectory,
  fs: FileSystem,
  isIdle: (former: FormerStore) => Promise<boolean>,
): Promise<void> {
  const saved = await readState(fs, root, MARKER);
  const whole = labelOf(saved?.['store']);
  if (whole === label) return;
  if (whole !== narrowLabel && !(await isIdle({ whole, first: labelOf(saved?.['first']) }))) {
    throw new ConfigError(
      'store',
      `is ${label ?? 'the data directory'}, but the jobs in ${root} are about objects in ${whole ?? 'the data directory'}`,
      'Run "tierfall reconcile" with the store that was used before; when no job waits, the store can be changed.',
    );
  }
  await makeDirectory(fs, root);
  await writeState(fs, root, MARKER, { store: label, first: narrowLabel });
}

function labelOf(saved: unknown): string | null {
  return typeof saved === 'string' ? saved : null;
}
