/**
 * Happy-path cost of the whole engine per batch, beside a bare await and the peers, in one run.
 *
 * Method: every subject runs in a fresh process once per round, in random order; a ratio is taken within
 * its round and the median over rounds is quoted. The clock is CPU time of the thread, so neighbours that
 * preempt us do not count. Not measured: network, decoding, schemas, contention for the second core.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Bench, median, table } from '../report.ts';
import type { Times } from './child.ts';
import { SUBJECTS } from './subjects.ts';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
const HEAP_FLAGS = ['--expose-gc', '--max-semi-space-size=512', '--min-semi-space-size=512'];
const ROUNDS = 7;
const LABELS: Readonly<Record<string, string>> = {
  bare: 'bare await (B)',
  tierfall: 'tierfall engine, everything on',
  'tierfall-raced': 'same, sink that may ignore aborts',
  'tierfall-skip': 'same, open tier skipped, next lands',
  'cockatiel-wrap': 'cockatiel retry+breaker+bulkhead (W)',
  'cockatiel-timeout': 'same + default timeout (T)',
  opossum: 'opossum defaults (O)',
};

type Round = Readonly<Record<string, Sample>>;

interface Sample extends Times {
  readonly bytes: number;
}

async function child(...args: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [...args]);
  return JSON.parse(stdout);
}

async function measure(subject: string): Promise<Sample> {
  const times = (await child(CHILD, subject, 'time')) as Times;
  return { ...times, bytes: (await child(...HEAP_FLAGS, CHILD, subject, 'bytes')) as number };
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

async function runRound(): Promise<Round> {
  const samples: Record<string, Sample> = {};
  for (const subject of shuffled(Object.keys(SUBJECTS))) samples[subject] = await measure(subject);
  return samples;
}

export const runChainBench: Bench = async ({ say, rounds = ROUNDS }) => {
  const measured: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    measured.push(await runRound());
    process.stderr.write(`\rround ${round}/${rounds} `);
  }
  process.stderr.write('\r');
  const of = (subject: string, pick: (sample: Sample) => number): readonly number[] =>
    measured.map((round) => pick(round[subject] as Sample));
  const ratio = (
    subject: string,
    base: string,
    pick: (sample: Sample) => number = ({ ns1 }) => ns1,
  ): readonly number[] => measured.map((round) => pick(round[subject] as Sample) / pick(round[base] as Sample));
  const rows = Object.keys(SUBJECTS).map((subject) => [
    LABELS[subject] ?? subject,
    median(of(subject, ({ ns1 }) => ns1)).toFixed(0),
    median(ratio(subject, 'bare')).toFixed(2),
    median(of(subject, ({ ns64 }) => ns64)).toFixed(0),
    median(ratio(subject, 'bare', ({ ns64 }) => ns64)).toFixed(2),
    median(of(subject, ({ bytes }) => bytes)).toFixed(0),
  ]);
  say(table(['per batch, immediate sink', 'ns c=1', 'x B', 'ns c=64', 'x B', 'bytes'], rows));
  const skipNs = measured.map(({ tierfall, 'tierfall-skip': skip }) => (skip?.ns1 ?? 0) - (tierfall?.ns1 ?? 0));
  const ratios = {
    vsBareAwait: ratio('tierfall', 'bare'),
    vsCockatielWrap: ratio('tierfall', 'cockatiel-wrap'),
    vsCockatielTimeout: ratio('tierfall', 'cockatiel-timeout'),
    vsOpossum: ratio('tierfall', 'opossum'),
  };
  say('');
  for (const [name, values] of Object.entries(ratios)) {
    say(
      `${name.padEnd(20)} ${median(values).toFixed(3)}  (${Math.min(...values).toFixed(3)} .. ${Math.max(...values).toFixed(3)}, ${rounds} rounds)`,
    );
  }
  say(`${'skipping an open tier'.padEnd(20)} ${median(skipNs).toFixed(0)} ns more than landing in the first`);
  const medians = Object.entries(ratios).map(
    ([name, values]) => [name, Number(median(values).toFixed(4))] as const,
  );
  const bytes = median(of('tierfall', (sample) => sample.bytes));
  return {
    ...Object.fromEntries(medians),
    bytesPerBatch: Math.round(bytes),
    openSkipNs: Math.round(median(skipNs)),
  };
};
