/**
 * Latency of each tier on the embedded defaults, beside the floors under it, in one run.
 *
 * Method: one process; in every round each case (subject, rows, lanes) runs once, in random order, in a new
 * directory, as a closed loop; percentiles are exact, per round, and the median over rounds is shown. A ratio is
 * taken of the p50 within its round. A tier's figure is its own passage in the receipt. Round 0 is not recorded.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Bench, median, table } from '../report.ts';
import { measure, type Percentiles } from './measure.ts';
import { drawPlot } from './plot.ts';
import { SUBJECTS, type SubjectName } from './subjects.ts';
import { makeBodies } from './workload.ts';

// On the disk of the checkout: /tmp may be memory, where an fdatasync costs nothing.
const OUT = fileURLToPath(new URL('../out', import.meta.url));
const ROUNDS = 5;
const WARM_UP = 10;
const LANES = [1, 16] as const;
/** Rows per batch, and recorded batches per round: enough for a p99. */
const SIZES = [
  { rows: 1, batches: 400 },
  { rows: 100, batches: 200 },
  { rows: 1_000, batches: 100 },
] as const;
const NAMES = Object.keys(SUBJECTS) as SubjectName[];

/** One line of the table. */
export interface Case {
  readonly subject: SubjectName;
  readonly rows: number;
  readonly batches: number;
  readonly lanes: number;
}

const CASES: readonly Case[] = NAMES.flatMap((subject) =>
  SIZES.flatMap((size) => LANES.map((lanes) => ({ subject, lanes, ...size }))),
);

const NOTES = [
  'Included: in schema-retry the wait, set to 0 ms, of which the timer makes about 1, a new connection and the read-back',
  'after one lost reply; in schema-coerce the fdatasync that keeps the originals. Floors have decoded rows and keys.',
  'Not measured: sinks over a network, packing into Parquet and replay, a retry that has to write again, backoff, a',
  'database that has grown large. The clock is wall time: neighbours on machine and disk show in p95 and p99.',
];

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

async function runCase({ subject, rows, batches, lanes }: Case, scratch: string): Promise<Percentiles> {
  const { shape, open } = SUBJECTS[subject];
  const bodies = makeBodies(batches + WARM_UP, rows, shape);
  const directory = await mkdtemp(`${scratch}/${subject}-`);
  const running = await open(directory);
  try {
    return await measure(running, bodies, lanes, WARM_UP);
  } finally {
    await running.close();
    await rm(directory, { recursive: true });
  }
}

type Round = ReadonlyMap<Case, Percentiles>;

async function runRound(scratch: string): Promise<Round> {
  const round = new Map<Case, Percentiles>();
  for (const one of shuffled(CASES)) round.set(one, await runCase(one, scratch));
  return round;
}

function caseOf(subject: SubjectName, rows: number, lanes: number): Case {
  const found = CASES.find((one) => one.subject === subject && one.rows === rows && one.lanes === lanes);
  if (!found) throw new Error(`no case of ${subject} with ${rows} rows and ${lanes} lanes`);
  return found;
}

function medianOf(rounds: readonly Round[], one: Case): Percentiles {
  const pick = (of: (found: Percentiles) => number): number =>
    median(rounds.map((round) => of(round.get(one) as Percentiles)));
  return { p50: pick(({ p50 }) => p50), p95: pick(({ p95 }) => p95), p99: pick(({ p99 }) => p99) };
}

/** p50 over p50, one per round. */
function ratioOf(
  rounds: readonly Round[],
  subject: SubjectName,
  base: SubjectName,
  rows: number,
  lanes: number,
): readonly number[] {
  const [over, under] = [caseOf(subject, rows, lanes), caseOf(base, rows, lanes)];
  return rounds.map((round) => (round.get(over)?.p50 ?? 0) / (round.get(under)?.p50 ?? 0));
}

function ratiosOf(rounds: readonly Round[]): Readonly<Record<string, readonly number[]>> {
  return {
    primaryVsSqlite: ratioOf(rounds, 'primary', 'sqlite', 100, 1),
    primaryVsSqlite1000Rows: ratioOf(rounds, 'primary', 'sqlite', 1_000, 1),
    retryVsPrimary: ratioOf(rounds, 'retry', 'primary', 100, 1),
    coerceVsPrimary: ratioOf(rounds, 'coerce', 'primary', 100, 1),
    rawVsFdatasync: ratioOf(rounds, 'raw', 'fdatasync', 100, 1),
    rawVsFdatasync16Lanes: ratioOf(rounds, 'raw', 'fdatasync', 100, 16),
    checkVsJsonParse: ratioOf(rounds, 'check', 'jsonParse', 1_000, 1),
  };
}

function resultTable(rounds: readonly Round[]): string {
  const rows = CASES.map((one) => {
    const { p50, p95, p99 } = medianOf(rounds, one);
    const { label, floor } = SUBJECTS[one.subject];
    const ratio = floor && median(ratioOf(rounds, one.subject, floor, one.rows, one.lanes)).toFixed(2);
    const times = [p50, p95, p99].map((ms) => ms.toFixed(3));
    return [
      label,
      String(one.rows),
      String(one.lanes),
      ...times,
      ratio ?? '',
      floor ? SUBJECTS[floor].label : '',
    ];
  });
  return table(['', 'rows', 'lanes', 'p50 ms', 'p95 ms', 'p99 ms', 'x floor', 'floor'], rows);
}

function plotOf(rounds: readonly Round[]): string {
  const groups = (['primary', 'retry', 'coerce', 'raw'] as const).map((subject) => {
    const { label, floor } = SUBJECTS[subject];
    const columns = CASES.filter((one) => one.subject === subject).map((one) => ({
      ...one,
      ...medianOf(rounds, one),
      floor: floor && medianOf(rounds, caseOf(floor, one.rows, one.lanes)).p50,
    }));
    return { label, floor: floor && SUBJECTS[floor].label, columns };
  });
  return drawPlot(groups, rounds.length);
}

export const runTiersBench: Bench = async ({ say, rounds = ROUNDS }) => {
  await mkdir(OUT, { recursive: true });
  const scratch = await mkdtemp(`${OUT}/tiers-`);
  const measured: Round[] = [];
  try {
    for (let round = 0; round <= rounds; round += 1) {
      process.stderr.write(`\rround ${round}/${rounds} `);
      const result = await runRound(scratch);
      if (round > 0) measured.push(result);
    }
  } finally {
    process.stderr.write('\r');
    await rm(scratch, { recursive: true });
  }
  say(resultTable(measured));
  say('');
  const ratios = ratiosOf(measured);
  for (const [name, values] of Object.entries(ratios)) {
    const range = `${Math.min(...values).toFixed(2)} .. ${Math.max(...values).toFixed(2)}, ${rounds} rounds`;
    say(`${name.padEnd(24)} ${median(values).toFixed(2)}  (${range})`);
  }
  say('');
  for (const line of NOTES) say(line);
  await writeFile(`${OUT}/tiers.svg`, plotOf(measured));
  say(`plot: ${OUT}/tiers.svg`);
  return Object.fromEntries(
    Object.entries(ratios).map(([name, values]) => [name, Number(median(values).toFixed(3))]),
  );
};
