/** A registry that is a directory of JSON Schema files, `0001.json`, `0002.json` …: the highest number is the newest. */

import { SchemaError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { toStorageError } from '../../core/storage-fault.ts';
import { fromJsonSchema } from './from-json-schema.ts';
import type { SchemaRegistry } from './registry.ts';

const VERSION_FILE = /^(\d{4,9})\.json$/;

function parseDocument(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new SchemaError(
      'SCHEMA_UNREADABLE',
      `${path} is not JSON: ${cause instanceof Error ? cause.message : cause}`,
      {
        hint: 'Correct the file; write new versions under another name and rename them into place.',
        cause,
      },
    );
  }
}

function readSchema(document: unknown, path: string) {
  try {
    return fromJsonSchema(document);
  } catch (cause) {
    if (!(cause instanceof SchemaError)) throw cause;
    throw new SchemaError(cause.code, `${path}: ${cause.message}`, { hint: cause.hint, cause });
  }
}

/**
 * Reads the directory anew on every call, so that a dropped-in file is seen at once. An absent or empty directory has
 * nothing registered.
 *
 * `latest` rejects with SchemaError naming the file when the newest version cannot be used: an older one would be a
 * guess; with StorageError when the directory cannot be read.
 */
export function directoryRegistry(directory: string, fs: FileSystem): SchemaRegistry {
  const readNewest = async (): Promise<{ readonly path: string; readonly version: number } | undefined> => {
    const names = (await fs.readdir(directory))
      .filter((entry) => !entry.isDirectory)
      .map((entry) => entry.name);
    const version = Math.max(-1, ...names.map((name) => Number(VERSION_FILE.exec(name)?.[1] ?? -1)));
    const name = names.find((each) => Number(VERSION_FILE.exec(each)?.[1] ?? -1) === version);
    return version < 0 || name === undefined ? undefined : { path: `${directory}/${name}`, version };
  };
  return {
    async latest(signal) {
      signal.throwIfAborted();
      const newest = await readNewest().catch((error: unknown) => {
        throw toStorageError(error, `list ${directory}`);
      });
      if (!newest) return undefined;
      signal.throwIfAborted();
      const bytes = await fs.readFile(newest.path).catch((error: unknown) => {
        throw toStorageError(error, `read ${newest.path}`);
      });
      return { schema: readSchema(parseDocument(bytes, newest.path), newest.path), version: newest.version };
    },
  };
}
