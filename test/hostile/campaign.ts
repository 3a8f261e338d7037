/**
 * `npm run hostile [-- --minutes N]`: what is too long for every `npm test`. One line of 1 GiB goes through each command, with
 * the time and memory it takes; then changed bodies of all formats are read until the time is up. Exits 1 when a command
 * takes too much or says nothing, or a changed body does harm.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { startCommand } from '../integration/command-process.ts';
import { announcedSeed } from '../support/announced-seed.ts';
import { parquetSpecimens, specimens } from './corpus.ts';
import { type FuzzResult, fuzzBodies, fuzzParquet } from './fuzz.ts';

const MIB = 1024 * 1024;
const LINE_BYTES = 1024 * MIB;
const PEAK_BYTES_MAX = 600 * MIB;
const SECONDS_MAX = 60;

/** Beginnings and ends of inputs with one endless record, by format. */
const ENDLESS: Readonly<Record<string, readonly [head: string, tail: string]>> = {
  ndjson: ['{"n":1}\n{"n":2,"t":"', '"}\n'],
  json: ['[{"n":1},{"n":2,"t":"', '"}]'],
  csv: ['n,t\n1,a\n2,"', '"\n'],
  'line-protocol': ['m n=1\nm t="', '"\n'],
  parquet: ['PAR1', 'PAR1'],
  'arrow-ipc': ['ARROW1', 'ARROW1'],
};

const COMMANDS: readonly (readonly string[])[] = [
  ['run', '-i', '-', '--sink', 'sqlite:x.db'],
  ['schema', 'infer', '-'],
  ['schema', 'check', '-', '--schema', 's.json'],
  ['coerce', '-', '--schema', 's.json', '--report'],
];

function* inputOf(format: string): Generator<Buffer> {
  const [head, tail] = ENDLESS[format] ?? ['', ''];
  yield Buffer.from(head);
  const chunk = Buffer.alloc(MIB, 'x');
  for (let left = LINE_BYTES; left > 0; left -= MIB) yield chunk;
  yield Buffer.from(tail);
}

function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

async function runEndless(args: readonly string[], format: string): Promise<boolean> {
  const cwd = mkdtempSync(join(tmpdir(), 'tierfall-hostile-'));
  try {
    writeFileSync(join(cwd, 's.json'), '{"type":"object","properties":{"n":{"type":"number"}}}');
    const started = performance.now();
    const command = startCommand([...args, '--format', format], { cwd });
    let peak = 0;
    const measure = setInterval(() => {
      peak = Math.max(peak, peakOf(command.pid));
    }, 20);
    // The command stops reading at its limit, which closes the pipe.
    await pipeline(Readable.from(inputOf(format)), command.stdin).catch(() => undefined);
    const { code } = await command.ended();
    clearInterval(measure);
    const seconds = (performance.now() - started) / 1000;
    // A sample of a schema may be complete before the endless record.
    const isSaid = code === 0 || /\[[A-Z]+_[A-Z_]+\]/.test(command.stderr);
    const isFine = isSaid && peak < PEAK_BYTES_MAX && seconds < SECONDS_MAX;
    const words = /^.*\[[A-Z_]+\]$/m.exec(command.stderr)?.[0] ?? command.stderr.slice(0, 100);
    process.stdout.write(
      `${isFine ? 'ok  ' : 'FAIL'} ${args.slice(0, 2).join(' ').padEnd(14)} ${format.padEnd(14)} exit ${code}, ${seconds.toFixed(1)} s, ${Math.round(peak / MIB)} MiB: ${words.trim()}\n`,
    );
    return isFine;
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

function tell(name: string, { runs, slowestMs, faults }: FuzzResult): boolean {
  const peak = Math.round(process.memoryUsage().rss / MIB);
  process.stdout.write(
    `${faults.length === 0 ? 'ok  ' : 'FAIL'} ${name.padEnd(14)} ${runs} changed bodies, the slowest ${slowestMs.toFixed(0)} ms, ${peak} MiB\n`,
  );
  for (const fault of faults) process.stdout.write(`${fault}\n`);
  return faults.length === 0;
}

async function fuzzAll(minutes: number): Promise<boolean> {
  const random = seededRandom(announcedSeed('hostile'));
  const below = (limit: number): number => Math.floor(random() * limit);
  const bodies = specimens();
  const shareMs = (minutes * 60_000) / (bodies.length + 1);
  let isFine = true;
  for (const body of bodies) {
    const limits = { runs: Number.POSITIVE_INFINITY, untilMs: performance.now() + shareMs };
    isFine = tell(body.name, await fuzzBodies([body], below, limits)) && isFine;
  }
  const limits = { runs: Number.POSITIVE_INFINITY, untilMs: performance.now() + shareMs };
  return tell('parquet', await fuzzParquet(await parquetSpecimens(), below, limits)) && isFine;
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  process.stderr.write(`hostile: --minutes must be a number above 0, found ${values.minutes}\n`);
  process.exit(2);
}
let isFine = true;
for (const args of COMMANDS) {
  for (const format of Object.keys(ENDLESS)) isFine = (await runEndless(args, format)) && isFine;
}
isFine = (await fuzzAll(minutes)) && isFine;
process.exitCode = isFine ? 0 : 1;
