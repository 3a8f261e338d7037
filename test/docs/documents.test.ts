import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TABLE } from '../architecture/table.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md'];
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const withoutBlocks = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, '');
const all = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map(([, found = '']) => found);

/** The anchors that a Markdown page gives its headings. */
function anchorsOf(page: string): readonly string[] {
  return all(withoutBlocks(read(page)), /^#+ (.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** Cells of the table rows whose first cell is `name` or the same in backticks. */
function rowsOf(text: string, name: string): readonly (readonly string[])[] {
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return cells.filter(([first]) => first === name || first === `\`${name}\``);
}

describe.each(DOCUMENTS)('%s', (page) => {
  const text = withoutBlocks(read(page));

  it('links only to files and headings that are there', () => {
    const links = all(text, /\]\(([^)\s]+)\)/g).filter((link) => !/^https?:/.test(link));
    const dead = links.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(dead).toEqual([]);
  });

  it('names only source and test files that are there', () => {
    const named = all(text, /`((?:src|test|scripts|bench|docs)\/[\w./-]+)`/g);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe('ARCHITECTURE.md', () => {
  const text = read('ARCHITECTURE.md');

  it('names only files of src in its drawings and tables', () => {
    const folders = Object.keys(TABLE.folders).filter((name) => !name.endsWith('.ts'));
    const files = all(text, new RegExp(`(?<![\\w/])((?:${folders.join('|')})/[\\w-]+\\.ts)\\b`, 'g'));
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => !existsSync(join(ROOT, 'src', file)))).toEqual([]);
  });

  it.each(Object.entries(TABLE.folders))('says who %s may import, as the gate does', (folder, imports) => {
    const [row] = rowsOf(text, folder);
    expect(all(row?.[2] ?? 'no row', /`([^`]+)`/g)).toEqual(imports);
  });

  it.each(Object.entries(TABLE.packages))('tells version, licence and owner of %s', (name, owners) => {
    const installed = JSON.parse(read(`node_modules/${name}/package.json`)) as Record<string, string>;
    const [[, version, licence, , owner] = []] = rowsOf(text, name);
    expect([version, licence, owner]).toEqual([
      installed['version'],
      installed['license'],
      `\`${owners.join('`, `')}\``,
    ]);
  });

  it('cites only labels that the file beside them states', () => {
    const rows = text.split('\n').filter((line) => /^\| \[\w+\/[\w-]+\.ts\]/.test(line));
    expect(rows.length).toBeGreaterThan(20);
    const wrong = rows.flatMap((row) => {
      const [, where = '', labels = ''] = row.split('|');
      const files = all(where, /\((src\/[^)]+)\)/g).map(read);
      const ends = all(labels, /([A-Z]\d)/g);
      return ends.filter((label) => !files.some((file) => new RegExp(`\\b${label}\\b`).test(file)));
    });
    expect(wrong).toEqual([]);
  });
});
