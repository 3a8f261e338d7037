/**
 * The comparison of records and of columns, beside what users would take instead, in one run.
 *
 * Method: one process; in every round all subjects run once, in random order, on the same data; the median over rounds is
 * shown and ratios are taken within a round. Times are CPU of this process, so that neighbours on the machine count less.
 * Parsing both sides is the yardstick for records, comparing all bytes of all columns the floor for columns. Flat memory
 * is measured in processes of their own, with four times as many rows in the second. Round 0 is not recorded.
 */
import { execFile } from 'node:child_process';
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import patch from 'fast-json-patch';
import { create } from 'jsondiffpatch';
import microdiff from 'microdiff';
import type { Columns } from '../../src/core/columns.ts';
import type { DiffRecord } from '../../src/diff/change.ts';
import { diffColumns } from '../../src/diff/diff-columns.ts';
import { diffRecords } from '../../src/diff/diff-records.ts';
import { type Bench, median, table } from '../report.ts';
import { telemetryLines } from '../telemetry-records.ts';
import { longestBlockMs, spilledDiff } from './event-loop.ts';
import { scatteredKey, shuffledRows, tableOf } from './tables.ts';

const ROUNDS = 7;
const SMALL = { rows: 3_000, repeats: 10 };
const LARGE = { rows: 100_000, repeats: 1 };
const TABLE_ROWS = 1_000_000;
const MEMORY = { rows: 400_000, growth: 4, bytes: 4 * 1024 * 1024 };

const NOTES = [
  'Records: telemetry of ten fields, B shuffled, 1 % of the rows changed in one cell; peers are given pairs that are',
  'already joined by key with a Map, because none of them joins. Columns: 1M rows x 10 columns, 1 % changed in one',
  'column; joined = B shuffled, by a key that counts up; hashed = by one that is all over 32 bits.',
  'Longest turns: CPU of all threads between two turns of the event loop, in the best of the rounds, because what the',
  'garbage collector adds differs by round. Not measured: nulls, tolerances, text keys, reading files.',
];

interface Sides {
  readonly a: readonly string[];
  readonly b: readonly string[];
}

/** The later state of the lines, in another order. */
function sidesOf(rows: number): Sides {
  const a = telemetryLines({ count: rows, drift: 0, isAscii: true });
  const changed = a.map((line, row) => (row % 100 === 0 ? line.replace(/"temp":[^,]*/, '"temp":99.5') : line));
  return { a, b: Array.from(shuffledRows(rows), (row) => changed[row] ?? '') };
}

function parse(lines: readonly string[]): DiffRecord[] {
  return lines.map((line) => JSON.parse(line) as DiffRecord);
}

type Compare = (a: object, b: object) => unknown;

const patcher = create({ objectHash: (item: object) => String((item as { id?: unknown }).id) });
const PEERS: Readonly<Record<string, Compare>> = {
  'fast-json-patch': (a, b) => patch.compare(a, b).length > 0,
  microdiff: (a, b) => microdiff(a, b).length > 0,
  jsondiffpatch: (a, b) => patcher.diff(a, b) !== undefined,
};

/** What a user would write round a library that compares two objects. */
function joinAndCompare(a: readonly DiffRecord[], b: readonly DiffRecord[], compare: Compare): number {
  const byKey = new Map(b.map((record) => [record['id'], record]));
  let changed = 0;
  for (const record of a) {
    const other = byKey.get(record['id']);
    if (!other || compare(record, other)) changed += 1;
  }
  return changed;
}

/** CPU per row in nanoseconds. */
async function cpuPerRow(rows: number, repeats: number, run: () => Promise<number> | number): Promise<number> {
  const before = process.cpuUsage();
  let changed = 0;
  for (let repeat = 0; repeat < repeats; repeat += 1) changed = await run();
  const { user, system } = process.cpuUsage(before);
  if (changed !== rows / 100) throw new Error(`${changed} changes, expected ${rows / 100}`);
  return (1000 * (user + system)) / repeats / rows;
}

type Round = Readonly<Record<string, number>>;

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((x, y) => x.at - y.at)
    .map(({ item }) => item);
}

type Subjects = Readonly<Record<string, () => Promise<number>>>;

function recordSubjects(name: string, { a, b }: Sides, { rows, repeats }: typeof SMALL): Subjects {
  const [parsedA, parsedB] = [parse(a), parse(b)];
  const keyed = (mayGenerate: boolean) => async (): Promise<number> =>
    (await diffRecords(parsedA, parsedB, { key: ['id'], mayGenerate, yieldToLoop })).changed;
  const peers = Object.entries(PEERS).map(([peer, compare]): [string, () => Promise<number>] => [
    `${peer} ${name}`,
    () => cpuPerRow(rows, repeats, () => joinAndCompare(parsedA, parsedB, compare)),
  ]);
  return {
    [`parse ${name}`]: () => cpuPerRow(rows, repeats, () => (parse(a).length + parse(b).length) / 200),
    [`keyed ${name}`]: () => cpuPerRow(rows, repeats, keyed(true)),
    [`keyed, no code ${name}`]: () => cpuPerRow(rows, repeats, keyed(false)),
    ...Object.fromEntries(peers),
  };
}

/** The floor: every byte of both tables is read once. */
function compareBytes(a: Columns, b: Columns): number {
  let different = 0;
  a.vectors.forEach((vector, index) => {
    const other = b.vectors[index];
    if (vector.kind === 'cell' || !other || other.kind === 'cell') return;
    const [x, y] = [vector.data, other.data].map((data) =>
      Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    );
    if (x && y) different += Buffer.compare(x, y) === 0 ? 0 : 1;
  });
  return different;
}

function columnSubjects(): Subjects {
  const inOrder = Int32Array.from({ length: TABLE_ROWS }, (_, row) => row);
  const [a, equal] = [tableOf(inOrder, false), tableOf(inOrder, false)];
  const [aligned, joined] = [tableOf(inOrder, true), tableOf(shuffledRows(TABLE_ROWS), true)];
  const scattered = (order: Int32Array, isChanged: boolean): Columns => tableOf(order, isChanged, scatteredKey);
  const [before, after] = [scattered(inOrder, false), scattered(shuffledRows(TABLE_ROWS), true)];
  const diff = (x: Columns, y: Columns) => async (): Promise<number> =>
    (await diffColumns(x, y, { key: ['id'], yieldToLoop })).changed;
  return {
    'bytes of columns': () => cpuPerRow(TABLE_ROWS, 1, () => compareBytes(a, equal) + TABLE_ROWS / 100),
    'columns aligned': () => cpuPerRow(TABLE_ROWS, 1, diff(a, aligned)),
    'columns joined': () => cpuPerRow(TABLE_ROWS, 1, diff(a, joined)),
    'columns joined, hashed': () => cpuPerRow(TABLE_ROWS, 1, diff(before, after)),
  };
}

async function peakMib(rows: number): Promise<number> {
  const child = fileURLToPath(new URL('./memory.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child, String(rows), String(MEMORY.bytes)]);
  return Number(stdout);
}

/** Comparisons that are watched for how long they keep others out: what they take is not measured here. */
const WATCHED = ['keyed 100k', 'columns aligned', 'columns joined', 'columns joined, hashed'];

/** By comparison, the longest turn of the round in which it was shortest: its own work is in every round. */
async function watchAll(subjects: Subjects, lines: Sides, rounds: number): Promise<Round> {
  const longest: Record<string, number> = {};
  const runs: [string, () => Promise<unknown>][] = WATCHED.map((name) => [
    name,
    async () => subjects[name]?.(),
  ]);
  runs.push(['sources, spilled', () => spilledDiff(lines.a, lines.b)]);
  for (let round = 0; round < rounds; round += 1)
    for (const [name, run] of runs)
      longest[name] = Math.min(longest[name] ?? Number.POSITIVE_INFINITY, await longestBlockMs(run));
  return longest;
}

export const runDiffBench: Bench = async ({ say, rounds = ROUNDS }) => {
  const large = sidesOf(LARGE.rows);
  const subjects: Subjects = {
    ...recordSubjects('3k', sidesOf(SMALL.rows), SMALL),
    ...recordSubjects('100k', large, LARGE),
    ...columnSubjects(),
  };
  const measured: Round[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    process.stderr.write(`\rround ${round}/${rounds} `);
    const result: Record<string, number> = {};
    for (const name of shuffled(Object.keys(subjects))) result[name] = (await subjects[name]?.()) ?? Number.NaN;
    if (round > 0) measured.push(result);
  }
  process.stderr.write('\r');
  const blocks = await watchAll(subjects, large, rounds);
  const [few, many] = [await peakMib(MEMORY.rows), await peakMib(MEMORY.rows * MEMORY.growth)];
  const of = (name: string): number => median(measured.map((round) => round[name] ?? Number.NaN));
  const ratio = (name: string, base: string): number =>
    Number(median(measured.map((round) => (round[name] ?? 0) / (round[base] ?? 0))).toFixed(3));
  const baseOf = (name: string): string =>
    name.endsWith('3k') ? 'parse 3k' : name.endsWith('100k') ? 'parse 100k' : 'bytes of columns';
  const rows = Object.keys(subjects).map((name) => [
    name,
    of(name).toFixed(1),
    ratio(name, baseOf(name)).toFixed(2),
  ]);
  say(table(['', 'ns/row', 'x base'], rows));
  for (const [name, ms] of Object.entries(blocks)) say(`longest turn of ${name}: ${ms.toFixed(1)} ms`);
  say(`memory  ${few} MiB at ${MEMORY.rows} rows, ${many} MiB at ${MEMORY.rows * MEMORY.growth}`);
  say('');
  for (const line of NOTES) say(line);
  return {
    keyedInCacheVsParse: ratio('keyed 3k', 'parse 3k'),
    keyed100kVsParse: ratio('keyed 100k', 'parse 100k'),
    keyedNoCodeVsParse: ratio('keyed, no code 3k', 'parse 3k'),
    vsFastJsonPatch: ratio('keyed 100k', 'fast-json-patch 100k'),
    vsMicrodiff: ratio('keyed 100k', 'microdiff 100k'),
    vsJsondiffpatch: ratio('keyed 100k', 'jsondiffpatch 100k'),
    alignedNsPerRow: Number(of('columns aligned').toFixed(1)),
    alignedVsBytes: ratio('columns aligned', 'bytes of columns'),
    joinedNsPerRow: Number(of('columns joined').toFixed(1)),
    hashedNsPerRow: Number(of('columns joined, hashed').toFixed(1)),
    memoryGrowth: Number((many / few).toFixed(3)),
    longestBlockMs: Number(Math.max(...Object.values(blocks)).toFixed(1)),
  };
};
