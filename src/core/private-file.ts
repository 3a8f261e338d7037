/** Empty files that only their owner may read, for libraries that open a path by themselves and would ask the umask. */
import type { FileSystem } from './file-system.ts';

let created = 0;

/**
 * Creates `path` as an empty file with the mode of the port's files, unless it is there. Never throws and promises
 * nothing where the file system has no hard links: whoever opens the path next creates it, or tells what is wrong.
 */
export async function createPrivately(fs: FileSystem, path: string): Promise<void> {
  if (!fs.link) return;
  created += 1;
  // Closing a handle of `path` itself would drop every POSIX lock that this process holds on it: it is made elsewhere.
  const temporary = `${path}.${process.pid}-${created}.tmp`;
  try {
    if ((await fs.stat(path)) !== undefined) return;
    await fs.unlink(temporary);
    const file = await fs.open(temporary, 'create');
    await file.close();
    await fs.link(temporary, path).finally(() => fs.unlink(temporary));
  } catch {
    // EEXIST: somebody else was first. Anything else is met again by whoever opens the path.
  }
}
