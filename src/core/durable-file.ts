/**
 * Small durable state: directories and files that survive a power cut, over the FileSystem port.
 *
 * F1 a file written here is the old one or the new one, whole, at every moment. F2 a state file that was
 * damaged reads as absent, never as another value.
 */

import type { FileSystem } from './file-system.ts';
import { sha256 } from './keys.ts';
import { errnoOf } from './storage-fault.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash < 0) return '.';
  return slash === 0 ? '/' : path.slice(0, slash);
}

/** Codes of a directory that this user, or this file system, does not let be synced: not one that was made here. */
const NOT_OURS: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL']);

/**
 * Creates `path` and its parents and makes their names durable. Those that exist too: whoever made them may have
 * died, or failed, between the two.
 */
export async function makeDirectory(fs: FileSystem, path: string): Promise<void> {
  const existed = new Set<string>();
  const chain: string[] = [];
  for (let at = path; at !== '.' && at !== '/'; at = parentOf(at)) {
    if ((await fs.stat(at)) !== undefined) existed.add(at);
    chain.push(at);
  }
  await fs.mkdir(path);
  for (const directory of chain.reverse()) {
    try {
      await fs.syncDirectory(parentOf(directory));
    } catch (error) {
      if (!existed.has(directory) || !NOT_OURS.has(errnoOf(error))) throw error;
    }
  }
}

/** Writes `directory/name` through `name.tmp`; resolves once bytes and name are on the medium. */
export async function writeFileDurable(
  fs: FileSystem,
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const temporary = `${directory}/${name}.tmp`;
  await fs.unlink(temporary);
  const file = await fs.open(temporary, 'create');
  try {
    await file.append([bytes]);
    await file.datasync();
  } finally {
    await file.close();
  }
  await fs.rename(temporary, `${directory}/${name}`);
  await fs.syncDirectory(directory);
}

/** Replaces a small JSON value durably. Format: one line of JSON, one line with its SHA-256. */
export async function writeState(
  fs: FileSystem,
  directory: string,
  name: string,
  value: object,
): Promise<void> {
  const json = JSON.stringify(value);
  await writeFileDurable(fs, directory, name, encoder.encode(`${json}\n${sha256(encoder.encode(json))}\n`));
}

/** @returns the object last written, or undefined when it is absent, unreadable or damaged */
export async function readState(
  fs: FileSystem,
  directory: string,
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const bytes = await fs.readFile(`${directory}/${name}`).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const [json = '', digest] = decoder.decode(bytes).split('\n');
  if (sha256(encoder.encode(json)) !== digest) return undefined;
  return JSON.parse(json) as Readonly<Record<string, unknown>>;
}
