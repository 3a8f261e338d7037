/**
 * What `durability: 'store'` makes of a store whose puts take 20 ms, beside what that latency allows: each submitter
 * waits for its acknowledgement and submits again, so that no more than submitters ÷ latency can be acknowledged.
 *
 * Method: bodies of 1 KiB into memory behind a timer, whose own latency is measured; keyless, and each submitter with an ordering key of its own. Rates
 * are taken after the first tenth of the span, the subjects in turn, and the median of the rounds is quoted.
 * `journal` is the port alone; `submit` is a whole chain whose sink is away: its key, its digest, its receipt.
 * Not measured: what a network client costs per put, which is what packing saves; the table says batches per put.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFallback, memorySink } from '../../src/index.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { storeJournal } from '../../src/stores/store-journal.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';
import { type Bench, median, table } from '../report.ts';

const PUT_MS = 20;
const SPAN_MS = 1500;
const ROUNDS = 3;
const BODY = Buffer.from(
  `${'{"device":"sensor-17","reading":21.5,"unit":"celsius"}\n'.repeat(19)}`.slice(0, 1024),
);

class DistantStore extends MemoryStore {
  puts = 0;
  /** What all puts took: a timer is late when the machine is busy. */
  latencyMs = 0;

  override async put(): Promise<'created'> {
    const startedMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, PUT_MS));
    this.puts += 1;
    this.latencyMs += performance.now() - startedMs;
    return 'created';
  }
}

interface Rate {
  readonly perSecond: number;
  /** Of submitters ÷ latency. */
  readonly ofBound: number;
  readonly perPut: number;
  readonly cpuMicros: number;
}

type Submit = (number: number, key: string | undefined) => Promise<unknown>;

/** A closed loop of `submitters`. */
async function run(submit: Submit, submitters: number, isKeyed: boolean, store: DistantStore): Promise<Rate> {
  let acknowledged = 0;
  let isOver = false;
  const loop = async (submitter: number): Promise<void> => {
    const key = isKeyed ? `key-${submitter}` : undefined;
    for (let number = submitter; !isOver; number += submitters) {
      await submit(number, key);
      acknowledged += 1;
    }
  };
  const all = Array.from({ length: submitters }, (_, submitter) => loop(submitter));
  await new Promise((resolve) => setTimeout(resolve, SPAN_MS / 10));
  const { puts, latencyMs } = store;
  const before = { acknowledged, cpu: process.cpuUsage(), ms: performance.now() };
  await new Promise((resolve) => setTimeout(resolve, SPAN_MS));
  const count = acknowledged - before.acknowledged;
  const { user, system } = process.cpuUsage(before.cpu);
  const seconds = (performance.now() - before.ms) / 1000;
  const rate = {
    perSecond: count / seconds,
    ofBound: (count / seconds / submitters) * ((store.latencyMs - latencyMs) / (store.puts - puts) / 1000),
    perPut: count / (store.puts - puts),
    cpuMicros: (user + system) / count,
  };
  isOver = true;
  await Promise.all(all);
  return rate;
}

async function runJournal(submitters: number, isKeyed: boolean): Promise<Rate> {
  const store = new DistantStore();
  const journal = storeJournal({
    store,
    chain: 'bench',
    clock: systemClock,
    emit: () => {},
    announce: async () => {},
  });
  const entry = sampleEntry(0, { body: BODY });
  const submit: Submit = (number, orderingKey) =>
    journal.append({ ...entry, key: number.toString(16).padStart(32, '0'), orderingKey });
  return run(submit, submitters, isKeyed, store);
}

async function runChain(submitters: number, isKeyed: boolean): Promise<Rate> {
  const dir = await mkdtemp(join(tmpdir(), 'tierfall-bench-'));
  const store = new DistantStore();
  const sink = flakySink(memorySink());
  sink.down('unavailable');
  const fallback = await createFallback({
    dir,
    sink,
    store,
    durability: 'store',
    worker: false,
    retry: { attemptsMax: 1, firstMs: 1 },
  });
  const submit: Submit = (number, orderingKey) =>
    fallback.submit({
      id: `b${number}`,
      format: 'ndjson',
      body: BODY,
      ...(orderingKey === undefined ? {} : { orderingKey }),
    });
  const rate = await run(submit, submitters, isKeyed, store);
  await fallback.close();
  await rm(dir, { recursive: true });
  return rate;
}

const SUBJECTS = [
  { label: 'journal, 256', ratio: 'journal256', run: () => runJournal(256, false) },
  { label: 'journal, 256, keyed', ratio: 'journal256Keyed', run: () => runJournal(256, true) },
  { label: 'journal, 2048', ratio: 'journal2048', run: () => runJournal(2048, false) },
  { label: 'submit, 256', ratio: 'submit256', run: () => runChain(256, false) },
  { label: 'submit, 256, keyed', ratio: 'submit256Keyed', run: () => runChain(256, true) },
  { label: 'submit, 2048', ratio: 'submit2048', run: () => runChain(2048, false) },
] as const;

export const runPackBench: Bench = async ({ say, rounds = ROUNDS }) => {
  const rates: Rate[][] = SUBJECTS.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [place, subject] of SUBJECTS.entries()) rates[place]?.push(await subject.run());
  }
  const of = (place: number, pick: (rate: Rate) => number): number => median((rates[place] ?? []).map(pick));
  const shares = rates.map((own) => own.map(({ ofBound }) => ofBound));
  say(
    table(
      ['', 'batches/s', 'of the bound', 'spread', 'batches per put', 'CPU, us per batch'],
      SUBJECTS.map(({ label }, place) => [
        label,
        of(place, ({ perSecond }) => perSecond).toFixed(0),
        median(shares[place] ?? []).toFixed(3),
        `${Math.min(...(shares[place] ?? [])).toFixed(2)}-${Math.max(...(shares[place] ?? [])).toFixed(2)}`,
        of(place, ({ perPut }) => perPut).toFixed(0),
        of(place, ({ cpuMicros }) => cpuMicros).toFixed(1),
      ]),
    ),
  );
  return Object.fromEntries(
    SUBJECTS.map(({ ratio }, place) => [ratio, Number(median(shares[place] ?? []).toFixed(4))]),
  );
};
