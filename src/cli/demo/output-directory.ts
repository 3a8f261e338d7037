/**
 * The directory of a demo. It is replaced at each start, so it is made sure that nothing else is ever deleted.
 *
 * D1 a directory with content is used only when it has the marker of a demo. D2 only the names that the marker lists
 * are deleted. D3 a name is in the marker before anything of that name is made.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toStorageError } from '../../core/storage-fault.ts';
import { UsageError } from '../args.ts';

const MARKER = '.tierfall-demo.json';

interface Marker {
  readonly demo: 1;
  readonly made: readonly string[];
  /** The process that is at work there. */
  readonly pid?: number;
}

/**
 * An empty directory in which `names` will be made.
 * @throws UsageError when something lies there that no demo has made; StorageError
 */
export async function replaceOutput(directory: string, names: readonly string[]): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    const found = await readdir(directory);
    const marker = await readMarker(directory);
    if (marker?.pid !== undefined && isRunning(marker.pid)) {
      throw new UsageError(
        `a demo is at work in ${directory} (process ${marker.pid})`,
        'Wait for it, give another --out, or delete the directory when you know better.',
      );
    }
    const strange = found.find((name) => name !== MARKER && !marker?.made.includes(name));
    if (strange !== undefined) {
      throw new UsageError(
        `${directory} holds ${JSON.stringify(strange)}, which is not from a demo`,
        'Give --out a directory that is empty or that an earlier demo has made.',
      );
    }
    for (const name of marker?.made ?? []) await rm(join(directory, name), { recursive: true, force: true });
    await writeMarker(directory, { demo: 1, made: names, pid: process.pid });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw toStorageError(error, `replace ${directory}`);
  }
}

/** Says that nobody works there any more. */
export async function releaseOutput(directory: string): Promise<void> {
  const marker = await readMarker(directory);
  if (marker) await writeMarker(directory, { demo: 1, made: marker.made });
}

async function writeMarker(directory: string, marker: Marker): Promise<void> {
  await writeFile(join(directory, MARKER), `${JSON.stringify(marker)}\n`);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function readMarker(directory: string): Promise<Marker | undefined> {
  try {
    const marker = JSON.parse(await readFile(join(directory, MARKER), 'utf8')) as Partial<Marker>;
    // A name with a slash was not written here.
    const isOurs = marker.demo === 1 && Array.isArray(marker.made) && marker.made.every(isPlainName);
    return isOurs ? (marker as Marker) : undefined;
  } catch {
    return undefined;
  }
}

function isPlainName(name: unknown): boolean {
  return typeof name === 'string' && !/^\.\.?$|[/\\]/.test(name) && name !== '';
}
