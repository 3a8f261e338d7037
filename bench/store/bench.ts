/**
 * Batches in S3 per second with 20 ms of latency, and the CPU of each, in one run: `durability: 'store'` beside the
 * SDK's put per batch.
 *
 * Method: closed loop of so many submitters over a server in a process of its own that only waits. In every round each
 * case runs once, in random order; the median over rounds is shown, and a ratio is taken within its round. The latency
 * bound is submitters ÷ the latency of a bare HTTP put of one batch, which a single submitter measures in the same
 * round: 20 ms, the timers of the server and the loopback. The last column of the table takes the server's own clock
 * instead. `journal` is `storeJournal` over `s3Store`, announcing to the queue on disk; `submit` is a whole chain whose
 * sink is away. The CPU is that of all threads of the client.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Bench, median, table } from '../report.ts';
import { type Load, type Measured, makeBodies, measure } from './closed-loop.ts';
import { SUBJECTS, type SubjectName } from './subjects.ts';

const LATENCY_MS = 20;
const ROUNDS = 3;
const SPAN_MS = 800;
const WARM_UP_MS = 200;
const KIB = 1024;

interface Case extends Load {
  readonly subject: SubjectName;
}

const ALONE = { bytes: KIB, submitters: 1 } as const;
const SMALL = { bytes: KIB, submitters: 256 } as const;
const MANY = { bytes: KIB, submitters: 2_048 } as const;
const LARGE = { bytes: 64 * KIB, submitters: 256 } as const;
const CASES: readonly Case[] = [
  { subject: 'bare', ...ALONE },
  { subject: 'sdk', ...SMALL },
  { subject: 'store', ...SMALL },
  { subject: 'journal', ...SMALL },
  { subject: 'journal, keyed', ...SMALL },
  { subject: 'submit', ...SMALL },
  { subject: 'submit, keyed', ...SMALL },
  { subject: 'sdk', ...MANY },
  { subject: 'journal', ...MANY },
  { subject: 'submit', ...MANY },
  { subject: 'sdk', ...LARGE },
  { subject: 'journal', ...LARGE },
];
const BODIES = new Map([KIB, 64 * KIB].map((bytes) => [bytes, makeBodies(bytes)]));

async function runCase({ subject, ...load }: Case, spanMs: number, endpoint: string): Promise<Measured> {
  const running = await SUBJECTS[subject](endpoint);
  try {
    return await measure(running, { ...load, bodies: BODIES.get(load.bytes) ?? [] }, spanMs, endpoint);
  } finally {
    await running.close();
  }
}

type Round = ReadonlyMap<Case, Measured>;

async function runRound(spanMs: number, endpoint: string): Promise<Round> {
  const round = new Map<Case, Measured>();
  const order = CASES.map((one) => ({ one, at: Math.random() })).sort((a, b) => a.at - b.at);
  for (const { one } of order) round.set(one, await runCase(one, spanMs, endpoint));
  return round;
}

function of(round: Round, subject: SubjectName, { bytes, submitters }: Load): Measured {
  for (const [one, measured] of round)
    if (one.subject === subject && one.bytes === bytes && one.submitters === submitters) return measured;
  throw new Error(`no case of ${subject} with ${bytes} bytes and ${submitters} submitters`);
}

type Ratio = (round: Round) => number;

function ofBound(subject: SubjectName, load: Load): Ratio {
  return (round) => {
    const latencySeconds = 1 / of(round, 'bare', ALONE).perSecond;
    return of(round, subject, load).perSecond / (load.submitters / latencySeconds);
  };
}

function besideSdk(subject: SubjectName, load: Load): Ratio {
  return (round) => of(round, subject, load).perSecond / of(round, 'sdk', load).perSecond;
}

const RATIOS: Readonly<Record<string, Ratio>> = {
  vsLatencyBound: ofBound('journal', SMALL),
  vsPutPerBatch: besideSdk('journal', SMALL),
  vsPutPerBatch2048: besideSdk('journal', MANY),
  vsPutPerBatch64KiB: besideSdk('journal', LARGE),
  sdkCpuVsCpu: (round) => of(round, 'sdk', SMALL).cpuMicros / of(round, 'journal', SMALL).cpuMicros,
  keyedVsLatencyBound: ofBound('journal, keyed', SMALL),
  submitVsLatencyBound: ofBound('submit', SMALL),
  submitKeyedVsLatencyBound: ofBound('submit, keyed', SMALL),
  submitVsPutPerBatch2048: besideSdk('submit', MANY),
  storePutVsSdkPut: besideSdk('store', SMALL),
};

function caseTable(rounds: readonly Round[]): string {
  const rows = CASES.map((one) => {
    const all = rounds.flatMap((round) => round.get(one) ?? []);
    const middle = (pick: (measured: Measured) => number): number => median(all.map(pick));
    return [
      `${one.subject}, ${one.bytes / KIB} KiB`,
      `${one.submitters}`,
      middle(({ perSecond }) => perSecond).toFixed(0),
      middle(({ cpuMicros }) => cpuMicros).toFixed(1),
      middle(({ perPut }) => perPut).toFixed(0),
      middle(({ perSecond, latencyMs }) => (perSecond * latencyMs) / 1000 / one.submitters).toFixed(2),
    ];
  });
  const head = ['subject, batch', 'submitters', 'batches/s', 'CPU µs', 'per put', "of server's wait"];
  return table(head, rows);
}

/** `npm run bench -- store`. */
export const runStoreBench: Bench = async ({ say, rounds = ROUNDS }) => {
  const file = fileURLToPath(new URL('./latency-server.ts', import.meta.url));
  const server = spawn(process.execPath, [file, `${LATENCY_MS}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    const endpoint = `http://127.0.0.1:${port.toString().trim()}`;
    await runRound(WARM_UP_MS, endpoint);
    const done: Round[] = [];
    for (let round = 0; round < rounds; round += 1) done.push(await runRound(SPAN_MS, endpoint));
    say(caseTable(done));
    const ratios = Object.entries(RATIOS).map(([name, ratio]) => [name, done.map(ratio)] as const);
    const range = (all: readonly number[]): string =>
      `${Math.min(...all).toFixed(2)}-${Math.max(...all).toFixed(2)}`;
    say(
      table(
        ['ratio', '', 'spread'],
        ratios.map(([name, all]) => [name, median(all).toFixed(2), range(all)]),
      ),
    );
    say('Not measured: TLS, bandwidth, a server that slows down or limits its connections.');
    return Object.fromEntries(ratios.map(([name, all]) => [name, Number(median(all).toFixed(3))]));
  } finally {
    server.kill();
  }
};
