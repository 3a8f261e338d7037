/**
 * From bytes to columns and to objects, beside JSON.parse of the same lines (P) and beside validators that coerce.
 * Times are CPU of this thread, in interleaved rounds; a ratio is taken within its round, and the median is quoted.
 *
 * Not measured: what a sink does with the columns, and bodies that are not in memory.
 */
import { type BenchContext, median, table } from '../report.ts';
import { telemetryBody } from '../telemetry-records.ts';
import { ajv, lenientColumns, lenientObjects, parse, type Subject, strictColumns, zod } from './subjects.ts';

const RECORDS = 100_000;
const ROUNDS = 7;
const WARM_UPS = 2;

interface Data {
  readonly name: string;
  readonly drift: number;
  readonly isAscii: boolean;
  readonly count: number;
}

const DATA: readonly Data[] = [
  { name: 'clean', drift: 0, isAscii: true, count: RECORDS },
  { name: 'clean, not ASCII', drift: 0, isAscii: false, count: RECORDS },
  { name: '20 % drift', drift: 0.2, isAscii: true, count: RECORDS },
  { name: '50 % drift', drift: 0.5, isAscii: true, count: RECORDS },
  { name: 'clean, 1M records', drift: 0, isAscii: true, count: 1_000_000 },
];

function subjects(): Readonly<Record<string, Subject>> {
  return {
    parse,
    strict: strictColumns(),
    'strict, no generated code': strictColumns({ codeGeneration: false }),
    lenient: lenientColumns(),
    'lenient objects': lenientObjects(),
    ajv: ajv(),
    zod: zod(),
  };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** CPU milliseconds by subject, one per round. */
async function measure(body: Buffer, rounds: number): Promise<Readonly<Record<string, readonly number[]>>> {
  const times: Record<string, number[]> = {};
  const all = Object.entries(subjects());
  for (let round = -WARM_UPS; round < rounds; round += 1) {
    for (const [name, run] of all) {
      const before = cpuMs();
      const result = await run(body);
      const spent = cpuMs() - before;
      if (!(result > 0)) throw new Error(`${name} found no records`);
      if (round >= 0) times[name] = [...(times[name] ?? []), spent];
    }
  }
  return times;
}

/** The longest time that nothing else could run during a coercion, in milliseconds. */
async function longestBlockMs(body: Buffer): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let isDone = false;
  const watch = (): void => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    if (!isDone) setImmediate(watch);
  };
  const subject = lenientColumns();
  await subject(body);
  last = performance.now();
  setImmediate(watch);
  await subject(body);
  isDone = true;
  return Math.max(longest, performance.now() - last);
}

type Times = Awaited<ReturnType<typeof measure>>;

function ratio(times: Times, name: string, to = 'parse'): number {
  const base = times[to] ?? [];
  return median((times[name] ?? []).map((time, round) => time / (base[round] ?? Number.NaN)));
}

/** What a subject costs beyond parsing, beside what another one costs beyond it. */
function addOn(times: Times, peer: string): number {
  const over = (name: string, round: number): number =>
    (times[name]?.[round] ?? 0) - (times['parse']?.[round] ?? 0);
  return median((times['parse'] ?? []).map((_, round) => over(peer, round) / over('lenient objects', round)));
}

export async function runCoerceBench({ say, rounds = ROUNDS }: BenchContext): Promise<Record<string, number>> {
  const results: Record<string, Times> = {};
  const rows: string[][] = [];
  for (const { name, count, ...data } of DATA) {
    const times = await measure(
      telemetryBody({ count, ...data }),
      count > RECORDS ? Math.min(rounds, 3) : rounds,
    );
    results[name] = times;
    for (const subject of Object.keys(times)) {
      const spent = times[subject] ?? [];
      const nanos = (median(spent) * 1e6) / count;
      rows.push([`${name}: ${subject}`, nanos.toFixed(0), ratio(times, subject).toFixed(2)]);
    }
  }
  say(table(['data: subject', 'ns/record', '× P'], rows));
  const clean = results['clean'] ?? {};
  const drift20 = results['20 % drift'] ?? {};
  const block = await longestBlockMs(telemetryBody({ count: RECORDS, drift: 0.2, isAscii: true }));
  return {
    strictVsParse: ratio(clean, 'strict'),
    strictNotAsciiVsParse: ratio(results['clean, not ASCII'] ?? {}, 'strict'),
    strict1MVsParse: ratio(results['clean, 1M records'] ?? {}, 'strict'),
    closuresVsParse: ratio(clean, 'strict, no generated code'),
    drift20VsParse: ratio(drift20, 'lenient'),
    drift50VsParse: ratio(results['50 % drift'] ?? {}, 'lenient'),
    lenientObjectsVsParse: ratio(drift20, 'lenient objects'),
    addOnVsAjv: addOn(drift20, 'ajv'),
    addOnVsZod: addOn(drift20, 'zod'),
    longestBlockMs: block,
  };
}
