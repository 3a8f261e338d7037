/**
 * Batches in S3 per second with 20 ms of latency, and the CPU of each, in one run.
 *
 * Method: closed loop of so many submitters over a server in a process of its own that only waits; in every round each
 * case runs once, in random order; the median over rounds is shown, a ratio is taken within its round. Round 0 is not
 * recorded. `packed` is the packer's code under a loop of the benchmark: what a raw tier that acknowledges after the
 * put can reach.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Bench, median, table } from '../report.ts';
import { SUBJECTS, type SubjectName } from './subjects.ts';

const LATENCY_MS = 20;
const ROUNDS = 3;
const KIB = 1024;

interface Case {
  readonly subject: SubjectName;
  readonly bytes: number;
  readonly submitters: number;
  readonly batches: number;
}

const LOADS = [
  { bytes: KIB, submitters: 256, batches: 4_000 },
  { bytes: KIB, submitters: 2_048, batches: 16_000 },
  { bytes: 64 * KIB, submitters: 256, batches: 4_000 },
] as const;
const NAMES = Object.keys(SUBJECTS) as SubjectName[];
const CASES: readonly Case[] = LOADS.flatMap((load) => NAMES.map((subject) => ({ subject, ...load })));

interface Measured {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

/** Bodies that differ, so that nothing is stored once for many. */
function bodiesOf(count: number, bytes: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, n) => {
    const body = Buffer.alloc(bytes, `{"reading":${n},"unit":"celsius"}\n`);
    body.writeUInt32LE(n);
    return body;
  });
}

async function runCase({ subject, bytes, submitters, batches }: Case, endpoint: string): Promise<Measured> {
  const running = SUBJECTS[subject](endpoint);
  const bodies = bodiesOf(Math.min(batches, 512), bytes);
  await running.put(Buffer.from('warm'));
  let next = 0;
  const submit = async (): Promise<void> => {
    while (next < batches) {
      next += 1;
      await running.put(bodies[next % bodies.length] ?? new Uint8Array(0));
    }
  };
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: submitters }, submit));
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await running.close();
  return { perSecond: batches / seconds, cpuMicros: (user + system) / batches };
}

type Round = ReadonlyMap<Case, Measured>;

async function runRound(endpoint: string): Promise<Round> {
  const round = new Map<Case, Measured>();
  const order = CASES.map((one) => ({ one, at: Math.random() })).sort((a, b) => a.at - b.at);
  for (const { one } of order) round.set(one, await runCase(one, endpoint));
  return round;
}

function caseOf(subject: SubjectName, bytes: number, submitters: number): Case {
  const found = CASES.find(
    (one) => one.subject === subject && one.bytes === bytes && one.submitters === submitters,
  );
  if (!found) throw new Error(`no case of ${subject} with ${bytes} bytes and ${submitters} submitters`);
  return found;
}

function ratiosOf(rounds: readonly Round[]): Readonly<Record<string, number>> {
  const of = (one: Case, take: (measured: Measured) => number) => (round: Round) =>
    take(round.get(one) ?? { perSecond: Number.NaN, cpuMicros: Number.NaN });
  const ratio = (above: (round: Round) => number, below: (round: Round) => number): number =>
    median(rounds.map((round) => above(round) / below(round)));
  const rate = (subject: SubjectName, bytes: number, submitters: number) =>
    of(caseOf(subject, bytes, submitters), ({ perSecond }) => perSecond);
  const cpu = (subject: SubjectName, bytes: number, submitters: number) =>
    of(caseOf(subject, bytes, submitters), ({ cpuMicros }) => cpuMicros);
  return {
    storePutVsSdkPut: ratio(rate('store', KIB, 256), rate('sdk', KIB, 256)),
    packedVsLatencyBound: ratio(rate('packed', KIB, 256), () => 256 / (LATENCY_MS / 1000)),
    packedVsSdkPut: ratio(rate('packed', KIB, 256), rate('sdk', KIB, 256)),
    packedVsSdkPut2048: ratio(rate('packed', KIB, 2_048), rate('sdk', KIB, 2_048)),
    packedVsSdkPut64KiB: ratio(rate('packed', 64 * KIB, 256), rate('sdk', 64 * KIB, 256)),
    sdkCpuVsPackedCpu: ratio(cpu('sdk', KIB, 256), cpu('packed', KIB, 256)),
  };
}

/** `npm run bench -- store`. */
export const runStoreBench: Bench = async ({ say, rounds = ROUNDS }) => {
  const file = fileURLToPath(new URL('./latency-server.ts', import.meta.url));
  const server = spawn(process.execPath, [file, `${LATENCY_MS}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    const endpoint = `http://127.0.0.1:${port.toString().trim()}`;
    await runRound(endpoint);
    const done: Round[] = [];
    for (let round = 0; round < rounds; round += 1) done.push(await runRound(endpoint));
    const rows = CASES.map((one) => {
      const all = done.flatMap((round) => round.get(one) ?? []);
      const perSecond = median(all.map((measured) => measured.perSecond));
      const cpuMicros = median(all.map((measured) => measured.cpuMicros));
      const { subject, bytes, submitters } = one;
      return [`${subject}, ${bytes / KIB} KiB`, `${submitters}`, perSecond.toFixed(0), cpuMicros.toFixed(1)];
    });
    say(table(['subject, batch', 'submitters', 'batches/s', 'CPU µs per batch'], rows));
    const ratios = ratiosOf(done);
    say(
      table(
        ['ratio', ''],
        Object.entries(ratios).map(([name, value]) => [name, value.toFixed(2)]),
      ),
    );
    say('Not measured: TLS, bandwidth, a server that slows down, the tier and the engine around the packer.');
    return ratios;
  } finally {
    server.kill();
  }
};
