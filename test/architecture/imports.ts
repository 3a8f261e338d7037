/**
 * Reads the imports under `src/` and holds them against the table.
 *
 * dependency-cruiser sees no module at all, and says nothing, when it does not know the TypeScript it runs
 * beside: callers compare `files` with what is on disk.
 */
import { isBuiltin } from 'node:module';
import { cruise, type IDependency } from 'dependency-cruiser';
import type { ArchitectureTable } from './table.ts';

export interface Import {
  /** The importing file, relative to `src/`. */
  readonly from: string;
  /** A file relative to `src/`, a package name, or a builtin with its `node:` prefix. */
  readonly to: string;
  readonly kind: 'file' | 'package' | 'builtin' | 'unresolved';
  readonly typeOnly: boolean;
}

export interface ImportGraph {
  /** Every file that was read, relative to `src/`. */
  readonly files: readonly string[];
  readonly imports: readonly Import[];
}

const SOURCE = 'src/';

/** The imports of every file under `<root>/src`, types included. */
export async function readImports(root: string): Promise<ImportGraph> {
  const { output } = await cruise(['src'], {
    baseDir: root,
    tsPreCompilationDeps: true,
    doNotFollow: 'node_modules',
  });
  if (typeof output === 'string') throw new Error('dependency-cruiser returned text instead of modules');
  const modules = output.modules.filter((module) => module.source.startsWith(SOURCE));
  return {
    files: modules.map((module) => module.source.slice(SOURCE.length)),
    imports: modules.flatMap((module) =>
      module.dependencies.map((dependency) => toImport(module.source.slice(SOURCE.length), dependency)),
    ),
  };
}

function toImport(from: string, dependency: IDependency): Import {
  const typeOnly = dependency.dependencyTypes.includes('type-only');
  const specifier = dependency.module;
  if (isBuiltin(specifier)) {
    return {
      from,
      to: specifier.startsWith('node:') ? specifier : `node:${specifier}`,
      kind: 'builtin',
      typeOnly,
    };
  }
  if (!specifier.startsWith('.')) return { from, to: packageName(specifier), kind: 'package', typeOnly };
  if (dependency.couldNotResolve || !dependency.resolved.startsWith(SOURCE)) {
    return { from, to: specifier, kind: 'unresolved', typeOnly };
  }
  return { from, to: dependency.resolved.slice(SOURCE.length), kind: 'file', typeOnly };
}

function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Every import that the table does not allow, and every folder it does not know, in words. */
export function findForbiddenImports(graph: ImportGraph, table: ArchitectureTable): readonly string[] {
  const unknown = new Set(graph.files.map(folderOf).filter((folder) => table.folders[folder] === undefined));
  const forbidden = graph.imports.filter((entry) => !isAllowed(entry, table));
  return [
    ...[...unknown].map((folder) => `src/${folder} has no row in the table`),
    ...forbidden.map(describeForbidden),
  ];
}

function describeForbidden({ from, to, kind, typeOnly }: Import): string {
  if (kind === 'unresolved') return `src/${from} imports ${to}, which is not a file under src/`;
  return `src/${from} may not import ${to}${typeOnly ? ' (types)' : ''}`;
}

function isAllowed(entry: Import, table: ArchitectureTable): boolean {
  if (entry.kind === 'unresolved') return false;
  if (entry.kind === 'package') return includes(table.packages[entry.to] ?? [], entry.from);
  if (entry.kind === 'builtin') {
    const owners = table.builtins[entry.to];
    return owners === undefined || includes(owners, entry.from);
  }
  const folder = folderOf(entry.from);
  if (folderOf(entry.to) === folder) return true;
  const allowed = table.folders[folder] ?? [];
  if (allowed.includes('*') || includes(allowed, entry.to)) return true;
  return entry.typeOnly && includes(allowed, `type:${entry.to}`);
}

/** Whether `file` is one of `owners` or lies in one of them. */
export function includes(owners: readonly string[], file: string): boolean {
  return owners.includes(file) || owners.includes(folderOf(file));
}

function folderOf(file: string): string {
  return file.split('/', 1).join('');
}

/** Every group of files that import each other, types included, as one line per group. */
export function findCycles(graph: ImportGraph): readonly string[] {
  const next = new Map<string, Set<string>>();
  for (const { from, to, kind } of graph.imports) {
    if (kind === 'file') next.set(from, (next.get(from) ?? new Set()).add(to));
  }
  const reach = new Map(graph.files.map((file) => [file, reachableFrom(file, next)]));
  const groups = new Set<string>();
  for (const file of graph.files) {
    if (!reach.get(file)?.has(file)) continue;
    const group = graph.files.filter((other) => reach.get(file)?.has(other) && reach.get(other)?.has(file));
    groups.add(`cycle: ${group.sort().join(', ')}`);
  }
  return [...groups];
}

function reachableFrom(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [start];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    for (const target of next.get(file) ?? []) {
      if (seen.has(target)) continue;
      seen.add(target);
      open.push(target);
    }
  }
  return seen;
}

/** Packages that package.json and the table do not agree on, and packages that nobody imports. */
export function findPackageFaults(
  graph: ImportGraph,
  table: ArchitectureTable,
  dependencies: readonly string[],
): readonly string[] {
  const used = new Set(graph.imports.filter((entry) => entry.kind === 'package').map((entry) => entry.to));
  const owned = Object.keys(table.packages);
  return [
    ...dependencies.filter((name) => !owned.includes(name)).map((name) => `${name} has no owner in the table`),
    ...owned
      .filter((name) => !dependencies.includes(name))
      .map((name) => `${name} is owned but not a dependency`),
    ...dependencies
      .filter((name) => !used.has(name))
      .map((name) => `${name} is a dependency that nobody imports`),
  ];
}
