/** Looks at a whole repository: its files on disk, their imports and their text. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCycles, findForbiddenImports, findPackageFaults, readImports } from './imports.ts';
import { findSourceFaults } from './source-rules.ts';
import type { ArchitectureTable } from './table.ts';

export interface ArchitectureReport {
  /** Number of files under `src/` whose imports were read. */
  readonly modules: number;
  /** Number of files whose text was read. */
  readonly files: number;
  readonly faults: readonly string[];
}

const ROOTS = ['src', 'test', 'bench', 'scripts'];

/** Every fault of the repository at `root`. A check that looked at nothing, or not at everything, is a fault. */
export async function checkArchitecture(root: string, table: ArchitectureTable): Promise<ArchitectureReport> {
  const files = (await Promise.all(ROOTS.map((folder) => listSources(root, folder)))).flat();
  const sources = files.filter((file) => file.startsWith('src/'));
  const graph = await readImports(root);
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const texts = await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')));
  const unseen = sources.filter((file) => !graph.files.includes(file.slice('src/'.length)));
  return {
    modules: graph.files.length,
    files: files.length,
    faults: [
      ...(sources.length === 0 ? ['no file under src/'] : []),
      ...unseen.map((file) => `${file} was not seen by dependency-cruiser`),
      ...findForbiddenImports(graph, table),
      ...findCycles(graph),
      ...findPackageFaults(
        graph,
        table,
        Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
      ),
      ...files.flatMap((file, index) => findSourceFaults(file, texts[index] ?? '', table)),
    ],
  };
}

async function listSources(root: string, folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name))
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}
