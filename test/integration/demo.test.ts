import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';

const PROGRAM = resolve(import.meta.dirname, '../../src/cli/tierfall.ts');
const DATA = resolve(import.meta.dirname, '../../node_modules');

const made: string[] = [];
afterEach(() => Promise.all(made.splice(0).map((directory) => rm(directory, { recursive: true }))));

type Row = Readonly<Record<string, string | number>>;
type Message = {
  readonly type: string;
  readonly title?: string;
  readonly text?: string;
  readonly rows?: Row[];
};

interface Told {
  readonly code: number | null;
  readonly tookMs: number;
  readonly out: string;
  readonly messages: readonly Message[];
  readonly errors: string;
  /** Rows of the table whose title starts like this. */
  table(title: string): readonly Row[];
}

async function tell(...args: readonly string[]): Promise<Told> {
  const cwd = await mkdtemp(join(tmpdir(), 'tierfall-demo-'));
  made.push(cwd);
  const startedMs = performance.now();
  const child = spawn(process.execPath, [PROGRAM, 'demo', '--json', ...args], { cwd });
  let [stdout, errors] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const code = await new Promise<number | null>((done) => child.on('close', done));
  const messages = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Message);
  return {
    code,
    tookMs: performance.now() - startedMs,
    out: join(cwd, '.tierfall/demo'),
    messages,
    errors,
    table: (title) => messages.find((message) => message.title?.startsWith(title))?.rows ?? [],
  };
}

const sum = (rows: readonly Row[], column: string): number =>
  rows.reduce((total, row) => total + Number(row[column] ?? 0), 0);

async function countJson(release: string, file: string): Promise<number> {
  return JSON.parse(await readFile(join(DATA, `vega-datasets-${release}/data/${file}`), 'utf8')).length;
}

async function countLines(release: string, file: string): Promise<number> {
  const text = await readFile(join(DATA, `vega-datasets-${release}/data/${file}`), 'utf8');
  return text.trimEnd().split('\n').length - 1;
}

function rowsIn(out: string, table: string): number {
  const database = new DatabaseSync(join(out, 'warehouse.db'), { readOnly: true });
  const [row] = database.prepare(`SELECT count(*) AS n FROM "${table}"`).all();
  database.close();
  return Number(row?.['n']);
}

/** What a page loads or runs would be named by one of these; words in the text of a record would not. */
const EXTERNAL =
  /<(?:script|link|img|iframe|object|embed)\b|<[^>]+\s(?:src|href|xlink:href)=["'](?!#)|@import|url\((?!["']?#)/i;

describe('tierfall demo', () => {
  it('keeps its writer out of the help', () => {
    const help = execFileSync(process.execPath, [PROGRAM, '--help'], { encoding: 'utf8' });
    expect(help).toMatch(/^ {2}demo +Watch/m);
    expect(help).not.toContain('demo-writer');
  });

  it('accounts for every record of the real data across drift, outage and kill -9', async () => {
    const told = await tell();
    expect(told.errors).toBe('');
    expect(told.code).toBe(0);
    expect(told.tookMs).toBeLessThan(60_000);

    const movies = (await countJson('v1', 'movies.json')) + (await countJson('v3', 'movies.json'));
    const weather = (await countLines('v1', 'seattle-weather.csv')) + (await countLines('v3', 'weather.csv'));
    const flights = await countJson('v1', 'flights-5k.json');
    expect([rowsIn(told.out, 'movies'), rowsIn(told.out, 'weather'), rowsIn(told.out, 'flights')]).toEqual([
      movies,
      weather,
      flights,
    ]);

    const outside = told.table('The ledger, read from outside');
    expect(
      outside.map((row) => [row['chain'], row['source records'], row['in quarantine'], row['nowhere']]),
    ).toEqual([
      ['movies', movies + 200, 200, 0],
      ['weather', weather, 0, 0],
      ['flights', flights, 0, 0],
    ]);
    // Nine numeric titles in the first release, every row of the third, and the column that weather lost.
    expect(outside.map((row) => row['in the sink coerced'])).toEqual([9 + movies / 2, 2_922, 0]);

    const receipts = told.table('The ledger of the receipts');
    expect(sum(receipts, 'source records')).toBe(sum(outside, 'source records'));
    expect([sum(receipts, 'unaccounted'), sum(receipts, 'rejected')]).toEqual([0, 0]);
    const deferred = told.table('What became of the deferred rows');
    expect(deferred.map((row) => [row['pending'], row['balanced']])).toEqual(Array(3).fill([0, 'yes']));
    // No silent degradation: what the demo finds changed by itself is what receipts and replay said they changed.
    expect(sum(receipts, 'degraded') + sum(deferred, 'degraded')).toBe(sum(outside, 'in the sink coerced'));
    const completeness = told.table('Completeness');
    expect(sum(completeness, 'read back from the sink')).toBe(sum(completeness, 'objects'));
    expect(sum(completeness, 'equal digests')).toBe(sum(completeness, 'objects'));

    const said = told.messages.flatMap(({ title, text }) => [title ?? '', text ?? '']).join('\n');
    expect(said).toContain('kill -9, in the middle of the outage');
    expect(said).toMatch(/It runs again as process \d+/);
    const report = await readFile(join(told.out, 'report.html'), 'utf8');
    expect(report).toContain('Balanced.');
    expect(report).toContain((movies + weather + flights + 200).toLocaleString('en-US'));
    expect(EXTERNAL.exec(report)?.[0]).toBeUndefined();
  });

  it('tells the same story on a file of the user', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tierfall-own-'));
    made.push(directory);
    const input = join(directory, 'orders.csv');
    const rows = Array.from({ length: 240 }, (_, index) => {
      const day = String(1 + (index % 28)).padStart(2, '0');
      return `${String(index).padStart(5, '0')},"Lee, ""A"" ${index}",${index / 4},2026-01-${day},${index % 3 ? 'x' : ''}`;
    });
    await writeFile(input, `order id,Customer,total,ordered on,note\n${rows.join('\n')}\n`);

    const told = await tell('--input', input);
    expect(told.errors).toBe('');
    expect(told.code).toBe(0);
    const [outside] = told.table('The ledger, read from outside');
    expect(outside).toMatchObject({
      'source records': 245,
      'in quarantine': 5,
      'in the sink coerced': 48,
      nowhere: 0,
    });
    expect(rowsIn(told.out, 'orders')).toBe(240);
    expect(told.messages.filter(({ type }) => type === 'scene')).toHaveLength(7);
    expect(await readFile(input, 'utf8')).toContain(rows[239]);
  });
});
