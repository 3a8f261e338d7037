/**
 * What lies where in a data directory.
 *
 * ```text
 * <dir>/
 *   settings.json   how the directory was last written to: sink, schema, chain (no secrets)
 *   breakers.json   circuits at the last close, so that a restart does not hammer a dead sink
 *   journal/        the durable log; locked by the one process that writes
 *   objects/        the store: Parquet objects, settlements, quarantine; shared by writer and workers
 *   state.db        queue and quarantine index; can be rebuilt from objects/
 * ```
 */
import { join, resolve } from 'node:path';

export interface DataDirectory {
  readonly root: string;
  readonly settings: string;
  readonly breakers: string;
  readonly journal: string;
  readonly objects: string;
  readonly state: string;
}

export function dataDirectory(dir: string): DataDirectory {
  const root = resolve(dir);
  return {
    root,
    settings: join(root, 'settings.json'),
    breakers: join(root, 'breakers.json'),
    journal: join(root, 'journal'),
    objects: join(root, 'objects'),
    state: join(root, 'state.db'),
  };
}
