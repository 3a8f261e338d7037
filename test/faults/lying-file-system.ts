/** A file system that says it made something durable and did not: a campaign that stays green on it proves nothing. */
import type { FileSystem } from '../../src/core/file-system.ts';

const LIES = ['no-datasync', 'no-directory-sync', 'no-sync'] as const;

/** @param lie what is left out: `no-datasync`, `no-directory-sync`, or both of them with `no-sync` */
export function lyingFileSystem(fs: FileSystem, lie: string): FileSystem {
  if (!LIES.some((known) => known === lie)) throw new Error(`one of ${LIES.join(', ')}, not ${lie}`);
  const nothing = async (): Promise<void> => undefined;
  return {
    ...fs,
    open: async (path, mode) => {
      const file = await fs.open(path, mode);
      return lie === 'no-directory-sync' ? file : { ...file, datasync: nothing };
    },
    syncDirectory: lie === 'no-datasync' ? fs.syncDirectory : nothing,
  };
}
