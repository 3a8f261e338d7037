/**
 * A registry that is a directory of JSON Schema files, `0001.json`, `0002.json` …: the highest number is the newest.
 *
 * B1 a version is there whole or not at all, and never changes. B2 two who publish at once get two versions, the later
 * one compared with the earlier.
 */

import { makeDirectory } from '../../core/durable-file.ts';
import { SchemaError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { errnoOf, toStorageError } from '../../core/storage-fault.ts';
import type { Schema } from '../arrow.ts';
import { compileSchema } from '../compile-schema.ts';
import { diffSchemas } from './diff-schemas.ts';
import { fingerprintOf } from './fingerprint.ts';
import { fromJsonSchema } from './from-json-schema.ts';
import type { RegisteredSchema, SchemaRegistry } from './registry.ts';
import type { SchemaDiff } from './schema-change.ts';
import { toJsonSchema } from './to-json-schema.ts';

const VERSION_FILE = /^(\d{4,9})\.json$/;
/** Publishers who may come first, one after the other, before this one gives up. */
const RACES_MAX = 100;
const NAMED_MAX = 3;

export interface PublishOptions {
  /** Publishes a breaking change as well. @default false */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
}

export interface Published {
  readonly version: number;
  /** False when the newest version was the same schema already. */
  readonly isNew: boolean;
  /** Against the version before; undefined for the first one. */
  readonly diff: SchemaDiff | undefined;
}

/** A directory can do all that a registry may do, and take new versions. */
export interface DirectoryRegistry extends Required<SchemaRegistry> {
  /**
   * Writes the next version; resolves once it is on the medium. The same schema again is no new version.
   * @throws SchemaError SCHEMA_BREAKING when data that conforms to the newest version would be refused, unless forced
   * @throws SchemaError when the schema, or the newest version, cannot be used; StorageError
   */
  publish(schema: Schema, options?: PublishOptions): Promise<Published>;
}

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

function readSchema(document: unknown, path: string): Schema {
  try {
    return fromJsonSchema(document);
  } catch (cause) {
    if (!(cause instanceof SchemaError)) throw cause;
    throw new SchemaError(cause.code, `${path}: ${cause.message}`, { hint: cause.hint, cause });
  }
}

/** Files by version: `0007.json` and `00007.json` would be one version, of which the first counts. */
async function listVersions(directory: string, fs: FileSystem): Promise<ReadonlyMap<number, string>> {
  const entries = await fs.readdir(directory).catch((error: unknown) => {
    throw toStorageError(error, `list ${directory}`);
  });
  const versions = new Map<number, string>();
  for (const { name, isDirectory } of entries) {
    const version = VERSION_FILE.exec(name)?.[1];
    if (version !== undefined && !isDirectory && !versions.has(Number(version)))
      versions.set(Number(version), name);
  }
  return versions;
}

let temporaries = 0;

/** @returns false when `name` is there already */
async function createFile(
  fs: FileSystem,
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<boolean> {
  temporaries += 1;
  const target = `${directory}/${name}`;
  const temporary = fs.link ? `${directory}/publish-${process.pid}-${temporaries}.tmp` : target;
  try {
    if (fs.link) await fs.unlink(temporary);
    const file = await fs.open(temporary, 'create');
    try {
      await file.append([bytes]);
      await file.datasync();
    } finally {
      await file.close();
    }
    if (fs.link) await fs.link(temporary, target).finally(() => fs.unlink(temporary));
    await fs.syncDirectory(directory);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw toStorageError(error, `write ${target}`);
  }
}

function refuseBreaking({ changes }: SchemaDiff, version: number): never {
  const broken = changes.filter(({ compatibility }) => compatibility === 'breaking');
  const named = broken.slice(0, NAMED_MAX).map(({ path, kind, why }) => `${path} (${kind}: ${why})`);
  const more = broken.length > named.length ? ` and ${broken.length - named.length} more` : '';
  throw new SchemaError(
    'SCHEMA_BREAKING',
    `data that conforms to version ${version} would be refused: ${named.join(', ')}${more}`,
    { hint: 'Make the change one that data survives, or publish it with force.' },
  );
}

/**
 * Reads the directory anew on every call, so that a dropped-in file is seen at once. An absent or empty directory has
 * nothing registered.
 *
 * `latest` and `get` reject with SchemaError naming the file when that version cannot be used: an older one would be a
 * guess; with StorageError when the directory cannot be read.
 */
export function directoryRegistry(directory: string, fs: FileSystem): DirectoryRegistry {
  async function read(
    version: number,
    name: string,
    signal: AbortSignal | undefined,
  ): Promise<RegisteredSchema> {
    signal?.throwIfAborted();
    const path = `${directory}/${name}`;
    const bytes = await fs.readFile(path).catch((error: unknown) => {
      throw toStorageError(error, `read ${path}`);
    });
    return { schema: readSchema(parseDocument(bytes, path), path), version };
  }

  async function latest(signal: AbortSignal | undefined): Promise<RegisteredSchema | undefined> {
    signal?.throwIfAborted();
    const versions = await listVersions(directory, fs);
    const newest = Math.max(...versions.keys());
    const name = versions.get(newest);
    return name === undefined ? undefined : read(newest, name, signal);
  }

  /** @returns undefined when somebody else was first */
  async function publishOnce(
    schema: Schema,
    { force, signal }: PublishOptions,
  ): Promise<Published | undefined> {
    const newest = await latest(signal);
    if (newest && fingerprintOf(newest.schema) === fingerprintOf(schema))
      return { version: newest.version, isNew: false, diff: { compatibility: 'compatible', changes: [] } };
    const diff = newest && diffSchemas(newest.schema, schema);
    if (newest && diff?.compatibility === 'breaking' && !force) refuseBreaking(diff, newest.version);
    const version = (newest?.version ?? 0) + 1;
    const bytes = new TextEncoder().encode(`${JSON.stringify(toJsonSchema(schema), null, 2)}\n`);
    signal?.throwIfAborted();
    const isMade = await createFile(fs, directory, `${String(version).padStart(4, '0')}.json`, bytes);
    return isMade ? { version, isNew: true, diff } : undefined;
  }

  return {
    latest,
    async versions(signal) {
      signal.throwIfAborted();
      return [...(await listVersions(directory, fs)).keys()].sort((a, b) => a - b);
    },
    async get(version, signal) {
      signal.throwIfAborted();
      const name = (await listVersions(directory, fs)).get(version);
      return name === undefined ? undefined : read(version, name, signal);
    },
    async publish(schema, options = {}) {
      compileSchema(schema);
      await makeDirectory(fs, directory).catch((error: unknown) => {
        throw toStorageError(error, `create ${directory}`);
      });
      for (let race = 0; race < RACES_MAX; race += 1) {
        const published = await publishOnce(schema, options);
        if (published) return published;
      }
      throw new SchemaError('SCHEMA_CONTENDED', `${RACES_MAX} others published to ${directory} first`, {
        hint: 'Publish again.',
        retryable: true,
      });
    },
  };
}
