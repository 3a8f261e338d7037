/**
 * How a data directory was last written to, so that `worker`, `status` and the others need only `--dir`.
 * Holds no secrets: only what was typed on a command line.
 */
import { dataDirectory } from '../assembly/data-directory.ts';
import { makeDirectory, readState, writeState } from '../core/durable-file.ts';
import { toStorageError } from '../core/storage-fault.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';

export interface Settings {
  readonly version: 1;
  readonly chain: string;
  /** As typed, with an absolute path: `sqlite:/data/x.db`. Absent when a config file names the sink. */
  readonly sink?: string;
  readonly table?: string;
  /** JSON Schema. */
  readonly schema?: object;
  readonly tolerance?: number;
}

export async function readSettings(dir: string): Promise<Settings | undefined> {
  const saved = await readState(nodeFileSystem, dataDirectory(dir).root, 'settings.json');
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
