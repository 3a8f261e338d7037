/** A disk that says before each of its operations that it comes, so that power can be cut between any two. */
import type { FileSystem, OpenFile } from '../../src/core/file-system.ts';
import type { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';

/**
 * @param tick called before each operation that changes the disk
 * @param isCut an operation that was under way when power was cut must not be heard to have succeeded
 */
export function meteredDisk(fs: MemoryFileSystem, tick: () => void, isCut: () => boolean): FileSystem {
  const told =
    <A extends unknown[], R>(run: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      tick();
      const result = await run(...args);
      if (isCut()) throw Object.assign(new Error('EIO: power was cut'), { code: 'EIO' });
      return result;
    };
  const meteredFile = (file: OpenFile): OpenFile => ({
    ...file,
    append: told(file.append),
    datasync: told(file.datasync),
    truncate: told(file.truncate),
  });
  return {
    open: told(async (path, mode) => meteredFile(await fs.open(path, mode))),
    rename: told((from, to) => fs.rename(from, to)),
    link: told((from, to) => fs.link(from, to)),
    unlink: told((path) => fs.unlink(path)),
    syncDirectory: told((path) => fs.syncDirectory(path)),
    mkdir: told((path) => fs.mkdir(path)),
    readFile: (path) => fs.readFile(path),
    readdir: (path) => fs.readdir(path),
    stat: (path) => fs.stat(path),
  };
}
