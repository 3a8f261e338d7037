/**
 * How a data directory was last written to, so that `worker`, `status` and the others need only `--dir`.
 * Holds no secrets: only what was typed on a command line.
 */
import { dataDirectory } from '../assembly/data-directory.ts';
import { makeDirectory, readState, writeState } from '../core/durable-file.ts';
import { errnoOf, toStorageError } from '../core/storage-fault.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';

const ABSENT: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR']);

export interface Settings {
  readonly version: 1;
  readonly chain: string;
  /** As typed, with an absolute path: `sqlite:/data/x.db`, `influx:http://…`. Absent when a config file names the sink. */
  readonly sink?: string;
  /** As typed, with an absolute path. Absent when a config file names it, or nobody does. */
  readonly store?: string;
  /** As typed, without user and password. Absent when a config file names it, or nobody does. */
  readonly queue?: string;
  readonly table?: string;
  /** JSON Schema. */
  readonly schema?: object;
  readonly tolerance?: number;
}

/**
 * @returns undefined when there are none, or they are damaged
 * @throws StorageError when the directory may not be read
 */
export async function readSettings(dir: string): Promise<Settings | undefined> {
  const { root, settings } = dataDirectory(dir);
  try {
    // Settings that may not be read must not look like settings that were never written.
    await nodeFileSystem.readFile(settings);
  } catch (error) {
    if (ABSENT.has(errnoOf(error))) return undefined;
    throw toStorageError(error, `read ${settings}`);
  }
  const saved = await readState(nodeFileSystem, root, 'settings.json');
  return saved?.['version'] === 1 ? (saved as unknown as Settings) : undefined;
}

/** @throws StorageError when the directory cannot be written */
export async function writeSettings(dir: string, settings: Settings): Promise<void> {
  const { root } = dataDirectory(dir);
  try {
    await makeDirectory(nodeFileSystem, root);
    await writeState(nodeFileSystem, root, 'settings.json', settings);
  } catch (error) {
    throw toStorageError(error, `write ${root}`);
  }
}
