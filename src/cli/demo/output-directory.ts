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
    const strange = found.find((name) => name !== MARKER && !marker?.made.includes(name));
    if (strange !== undefined) {
      throw new UsageError(
        `${directory} holds ${JSON.stringify(strange)}, which is not from a demo`,
        'Give --out a directory that is empty or that an earlier demo has made.',
      );
    }
    for (const name of marker?.made ?? []) await rm(join(directory, name), { recursive: true, force: true });
    const next: Marker = { demo: 1, made: names };
    await writeFile(join(directory, MARKER), `${JSON.stringify(next)}\n`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw toStorageError(error, `replace ${directory}`);
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
