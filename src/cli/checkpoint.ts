/**
 * How far an input was acknowledged, so that `run --resume` goes on where a killed one stopped. Written
 * behind the acknowledgements: resuming may submit some batches again, which their keys recognise.
 */
import { join, resolve } from 'node:path';
import { dataDirectory } from '../assembly/data-directory.ts';
import { readState, writeState } from '../core/durable-file.ts';
import { sha256 } from '../core/keys.ts';
import { toStorageError } from '../core/storage-fault.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';

export interface Checkpoint {
  readonly offset: number;
  readonly records: number;
}

export interface CheckpointFile {
  read(): Promise<Checkpoint>;
  /** @throws StorageError; the checkpoint before it then stands */
  write(checkpoint: Checkpoint): Promise<void>;
}

/** @param jsonPath what of the input is read, when it is not all: offsets of another path mean other records */
export function checkpointOf(dir: string, input: string, jsonPath = ''): CheckpointFile {
  const { root } = dataDirectory(dir);
  const read = jsonPath === '' ? resolve(input) : `${resolve(input)}#${jsonPath}`;
  const name = `input-${sha256(new TextEncoder().encode(read)).slice(0, 16)}.json`;
  return {
    async read() {
      const saved = await readState(nodeFileSystem, root, name);
      const { offset, records } = (saved ?? {}) as Partial<Checkpoint>;
      return { offset: offset ?? 0, records: records ?? 0 };
    },
    async write(checkpoint) {
      try {
        await writeState(nodeFileSystem, root, name, checkpoint);
      } catch (error) {
        throw toStorageError(error, `write ${join(root, name)}`);
      }
    },
  };
}
