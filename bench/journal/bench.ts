/**
 * The journal beside a bare append + fdatasync group commit (the floor), beside INSERT + COMMIT per batch (the usual
 * recipe), and without a disk.
 *
 * Method: every pair of load and subject runs in a fresh process and a new directory, in rounds, in random order; a ratio
 * is taken within its round and the median over rounds is quoted, with the lowest and the highest. A wait is added to
 * an fdatasync by the file system that the journal is given. The floor writes bodies and nothing else: no header, no
 * checksum, no index, no duplicates. Not measured: packing, encryption, disks that lie about fdatasync, other file systems.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BenchContext, median, table } from '../report.ts';
import type { Measured } from './child.ts';
import type { Drain } from './drain.ts';
import { LOADS, type LoadName } from './loads.ts';
import type { Outage } from './outage.ts';
import type { SubjectName } from './subjects.ts';

// On the disk of the checkout: /tmp may be memory, where an fdatasync costs nothing.
const OUT = fileURLToPath(new URL('../out', import.meta.url));
const ROUNDS = 3;
const OUTAGE_ENTRIES = 1_000_000;
const LONG_OUTAGE_ENTRIES = 10_000_000;
/** Without it Node keeps 150 MB for objects that died young, whatever the journal holds. */
const SMALL_NURSERY = ['--max-semi-space-size=8'];
const FLOOR = 'append + fdatasync';
const BOTH: readonly SubjectName[] = ['tierfall', FLOOR];

const PAIRS: Readonly<Record<LoadName, readonly SubjectName[]>> = {
  kib1by256: [...BOTH, 'INSERT + COMMIT', 'tierfall, no disk'],
  kib1by16: BOTH,
  kib1by1: BOTH,
  kib64by16: BOTH,
  mib1by1: BOTH,
  mib1by16: BOTH,
  slow1ms: BOTH,
  slow5ms: BOTH,
};

type Round = ReadonlyMap<string, Measured>;

async function runChild<T>(file: string, args: readonly string[], runtime: readonly string[] = []): Promise<T> {
  const directory = await mkdtemp(`${OUT}/journal-`);
  try {
    const script = fileURLToPath(new URL(file, import.meta.url));
    const child = [...runtime, script, ...(file === 'child.ts' ? [...args, directory] : [directory, ...args])];
    const { stdout } = await promisify(execFile)(process.execPath, child);
    return JSON.parse(stdout) as T;
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function runRound(): Promise<Round> {
  const cases = Object.entries(PAIRS).flatMap(([load, subjects]) =>
    subjects.map((subject) => ({ load, subject })),
  );
  const shuffled = cases.map((one) => ({ one, at: Math.random() })).sort((a, b) => a.at - b.at);
  const round = new Map<string, Measured>();
  for (const { one } of shuffled) {
    round.set(`${one.load} ${one.subject}`, await runChild<Measured>('child.ts', [one.subject, one.load]));
  }
  return round;
}

function of(round: Round, load: LoadName, subject: SubjectName): Measured {
  const measured = round.get(`${load} ${subject}`);
  if (!measured) throw new Error(`${load} was not measured with ${subject}`);
  return measured;
}

function acksOver(load: LoadName, base: SubjectName): (round: Round) => number {
  return (round) => of(round, load, 'tierfall').acksPerSecond / of(round, load, base).acksPerSecond;
}

/** Part of what one group of all submitters per fdatasync would make. */
function ofSyncBound(load: LoadName, subject: SubjectName): (round: Round) => number {
  return (round) => {
    const { acksPerSecond, syncMs = Number.NaN } = of(round, load, subject);
    return (acksPerSecond * syncMs) / 1_000 / LOADS[load].submitters;
  };
}

function p99InSyncs(load: LoadName, subject: SubjectName): (round: Round) => number {
  return (round) => {
    const { p99Ms, syncMs = Number.NaN } = of(round, load, subject);
    return p99Ms / syncMs;
  };
}

const RATIOS: Readonly<Record<string, (round: Round) => number>> = {
  vsInsertCommit: acksOver('kib1by256', 'INSERT + COMMIT'),
  vsGroupCommitFloor: acksOver('kib1by256', FLOOR),
  vsFloor16: acksOver('kib1by16', FLOOR),
  vsFloor64KiB: acksOver('kib64by16', FLOOR),
  vsFloor1MiB: acksOver('mib1by1', FLOOR),
  vsFloor1MiBBy16: acksOver('mib1by16', FLOOR),
  vsFloor1ms: acksOver('slow1ms', FLOOR),
  vsFloor5ms: acksOver('slow5ms', FLOOR),
  ofSyncBound1ms: ofSyncBound('slow1ms', 'tierfall'),
  ofSyncBound5ms: ofSyncBound('slow5ms', 'tierfall'),
  floorOfSyncBound1ms: ofSyncBound('slow1ms', FLOOR),
  floorOfSyncBound5ms: ofSyncBound('slow5ms', FLOOR),
  p99InSyncs: p99InSyncs('kib1by256', 'tierfall'),
  floorP99InSyncs: p99InSyncs('kib1by256', FLOOR),
  p99InSyncs5ms: p99InSyncs('slow5ms', 'tierfall'),
  durableVsMemory: (round) =>
    of(round, 'kib1by256', 'tierfall').acksPerSecond /
    of(round, 'kib1by256', 'tierfall, no disk').acksPerSecond,
};

function loadTable(rounds: readonly Round[]): string {
  const rows = (Object.keys(PAIRS) as LoadName[]).flatMap((load) =>
    PAIRS[load].map((subject) => {
      const middle = (pick: (measured: Measured) => number): number =>
        median(rounds.map((round) => pick(of(round, load, subject))));
      const syncMs = middle((measured) => measured.syncMs ?? Number.NaN);
      return [
        `${LOADS[load].label}: ${subject}`,
        middle(({ acksPerSecond }) => acksPerSecond).toFixed(0),
        middle(({ p50Ms }) => p50Ms).toFixed(2),
        middle(({ p99Ms }) => p99Ms).toFixed(2),
        Number.isNaN(syncMs) ? '' : syncMs.toFixed(2),
        middle(({ mainMicros }) => mainMicros).toFixed(1),
      ];
    }),
  );
  return table(['load: subject', 'acks/s', 'p50 ms', 'p99 ms', 'fdatasync ms', 'main thread µs/ack'], rows);
}

function spreadOf(values: readonly number[]): readonly string[] {
  return [median(values).toFixed(2), `${Math.min(...values).toFixed(2)}..${Math.max(...values).toFixed(2)}`];
}

function sayRatios({ say }: BenchContext, ratios: ReadonlyMap<string, readonly number[]>): void {
  say('');
  say(
    table(
      ['ratio', 'median', 'spread'],
      [...ratios].map(([name, values]) => [name, ...spreadOf(values)]),
    ),
  );
}

function mediansOf(ratios: ReadonlyMap<string, readonly number[]>): Record<string, number> {
  return Object.fromEntries([...ratios].map(([name, values]) => [name, median(values)] as const));
}

function sayOutage({ say }: BenchContext, outage: Outage): void {
  const { entries, gigabytes, rssMb, rssEarlyMb, reopenMs } = outage;
  say(
    `\nOutage of ${entries} entries, ${gigabytes.toFixed(1)} GB: resident set ${rssEarlyMb.toFixed(0)} MB after a tenth,`,
  );
  say(`${rssMb.toFixed(0)} MB at most; opened again in ${(reopenMs / 1_000).toFixed(1)} s.`);
}

function runOutage(entries: number): Promise<Outage> {
  return runChild<Outage>('outage.ts', [String(entries)], SMALL_NURSERY);
}

export async function runJournalBench(context: BenchContext): Promise<Record<string, number>> {
  const { say, rounds = ROUNDS } = context;
  await mkdir(OUT, { recursive: true });
  const measured: Round[] = [];
  const drains: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    measured.push(await runRound());
    const { journalPerSecond, recipePerSecond } = await runChild<Drain>('drain.ts', []);
    drains.push(journalPerSecond / recipePerSecond);
  }
  say(loadTable(measured));
  const ratios = new Map<string, readonly number[]>();
  for (const [name, ratio] of Object.entries(RATIOS)) ratios.set(name, measured.map(ratio));
  ratios.set('drainVsReadDeleteOne', drains);
  const outage = await runOutage(OUTAGE_ENTRIES);
  ratios.set('outageLatency', outage.latencies);
  sayRatios(context, ratios);
  sayOutage(context, outage);
  return mediansOf(ratios);
}

/** Ten million entries, 10 GB, nothing else; takes minutes and the room on the disk. */
export async function runJournalOutageBench(context: BenchContext): Promise<Record<string, number>> {
  await mkdir(OUT, { recursive: true });
  const outage = await runOutage(LONG_OUTAGE_ENTRIES);
  const ratios = new Map([['outageLatency', outage.latencies]]);
  sayRatios(context, ratios);
  sayOutage(context, outage);
  return { ...mediansOf(ratios), outageRssMb: outage.rssMb };
}
