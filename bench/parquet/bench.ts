/**
 * What it costs to make a Parquet object of raw rows, beside a plain zstd of the same bodies, in one run.
 *
 * Method: objects of 8 MiB of telemetry text, as the packer makes them. Each subject takes turns with the floor on the
 * same rows, now the one first, now the other; quoted is the median of the ratios within one turn, so that what slows a
 * whole turn down does not count, nor the garbage of other subjects. Each subject writes to memory and hashes nothing but ours, which carries its SHA-256. `CPU` is that of
 * the process, all threads; `loop` is the part of it that keeps the event loop. Sizes are beside zstd of the bodies, and
 * beside zstd of all values with their lengths, column by column: at 1 KiB, keys and digests are a quarter of the file.
 * Not measured: the body's own SHA-256, which ingress has taken, and the store.
 */
import { constants, zstdCompressSync } from 'node:zlib';
import { sha256 } from '../../src/core/keys.ts';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { COLUMNS } from '../../src/stores/parquet/object-columns.ts';
import { type Bench, median, table } from '../report.ts';
import { telemetryLines } from '../telemetry-records.ts';
import { openSubjects, type Subject, type Workload } from './subjects.ts';

const ROUNDS = 15;
const WARM_UP = 2;
const OBJECT_BYTES = 8 * 1024 * 1024;
const KIB = 1024;
const SIZES = [
  { label: '1 MiB', bytes: 1024 * KIB, ratio: 'vsZstd1MiB' },
  { label: '64 KiB', bytes: 64 * KIB, ratio: 'vsZstd64KiB' },
  { label: '1 KiB', bytes: KIB, ratio: 'vsZstd1KiB' },
] as const;

interface Turn {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly loopMs: number;
  readonly bytes: number;
}

function workload(text: Uint8Array, rowBytes: number): Workload {
  const entries: JournalEntry[] = [];
  for (let at = 0; at + rowBytes <= text.length; at += rowBytes) {
    const body = text.subarray(at, at + rowBytes);
    entries.push(rowOf(entries.length, body));
  }
  return { entries, bodies: text };
}

function rowOf(seq: number, body: Uint8Array): JournalEntry {
  const digest = sha256(body);
  return {
    seq,
    purpose: 'replay',
    key: digest.slice(0, 32),
    orderingKey: undefined,
    priority: 'normal',
    format: 'ndjson',
    attributes: { source: 'bench' },
    receivedAtMs: 1_790_000_000_000 + seq * 3,
    reason: 'unavailable',
    trail: '{"detail":"connect ECONNREFUSED","passages":[{"tier":"primary"},{"tier":"schema-retry"}]}',
    rowCount: 12,
    rows: undefined,
    sha256: digest,
    body,
  };
}

function zstdOfValues({ entries }: Workload): number {
  const values = COLUMNS.flatMap((column) => entries.flatMap((entry) => bytesOf(column.of(entry))));
  return zstdCompressSync(Buffer.concat(values), { params: { [constants.ZSTD_c_compressionLevel]: 1 } }).length;
}

/** Eight bytes for a number, a length of four for everything else: what it takes to read them back. */
function bytesOf(value: number | string | Uint8Array | null): Uint8Array[] {
  const length = Buffer.alloc(typeof value === 'number' ? 8 : 4);
  if (value === null) return [];
  if (typeof value === 'number') {
    length.writeBigInt64LE(BigInt(value));
    return [length];
  }
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  length.writeUInt32LE(bytes.length);
  return [length, bytes];
}

async function takeTurn(subject: Subject, work: Workload): Promise<Turn> {
  const cpu = process.cpuUsage();
  const loop = process.threadCpuUsage();
  const startedMs = performance.now();
  const bytes = await subject.write(work);
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  const own = process.threadCpuUsage(loop);
  return { wallMs, cpuMs: (user + system) / 1000, loopMs: (own.user + own.system) / 1000, bytes };
}

/** Turns of a subject, each with one of the floor beside it. */
interface Pairs {
  readonly subject: readonly Turn[];
  readonly floor: readonly Turn[];
}

async function measure(subject: Subject, floor: Subject, work: Workload, rounds: number): Promise<Pairs> {
  const turns = { subject: [] as Turn[], floor: [] as Turn[] };
  const sides = [
    [subject, turns.subject],
    [floor, turns.floor],
  ] as const;
  for (let round = 0; round < rounds + WARM_UP; round += 1) {
    for (const [one, own] of round % 2 === 0 ? sides : sides.toReversed()) {
      const turn = await takeTurn(one, work);
      if (round >= WARM_UP) own.push(turn);
      await new Promise(setImmediate);
    }
  }
  return turns;
}

/** Median of the ratios within each turn. */
function ratioOf({ subject, floor }: Pairs, of: (turn: Turn) => number): number {
  return median(subject.map((turn, round) => of(turn) / of(floor[round] ?? turn)));
}

export const runParquetBench: Bench = async ({ say, rounds = ROUNDS }) => {
  const { floor, own, peers } = await openSubjects();
  const text = Buffer.from(`${telemetryLines({ count: 60_000, drift: 0, isAscii: true }).join('\n')}\n`);
  const ratios: Record<string, number> = {};
  for (const { label, bytes, ratio } of SIZES) {
    const work = workload(text.subarray(0, OBJECT_BYTES), bytes);
    const pairs = await measure(own, floor, work, rounds);
    const values = zstdOfValues(work);
    const rows = [rowFor(own, pairs, values)];
    for (const peer of peers) rows.push(rowFor(peer, await measure(peer, floor, work, rounds), values));
    const floorMs = median(pairs.floor.map(({ wallMs }) => wallMs)).toFixed(1);
    say(`${work.entries.length} rows of ${label}; zstd -1 of the bodies takes ${floorMs} ms`);
    say(table(['', 'time', 'spread', 'CPU', 'loop', 'size', 'of all values'], rows));
    say('');
    ratios[ratio] = round(ratioOf(pairs, ({ wallMs }) => wallMs));
    const sameBytes = bytes === KIB ? values : (pairs.floor[0]?.bytes ?? Number.NaN);
    ratios[`${ratio}Size`] = round((pairs.subject[0]?.bytes ?? Number.NaN) / sameBytes);
  }
  for (const peer of peers) await peer.close?.();
  return ratios;
};

function rowFor({ label }: Subject, pairs: Pairs, values: number): string[] {
  const wall = pairs.subject
    .map(({ wallMs }, at) => wallMs / (pairs.floor[at]?.wallMs ?? Number.NaN))
    .sort((a, b) => a - b);
  const at = (share: number): string => (wall[Math.floor(share * (wall.length - 1))] ?? Number.NaN).toFixed(2);
  const bytes = pairs.subject[0]?.bytes ?? Number.NaN;
  return [
    label,
    ratioOf(pairs, ({ wallMs }) => wallMs).toFixed(2),
    `${at(0.25)}-${at(0.75)}`,
    ratioOf(pairs, ({ cpuMs }) => cpuMs).toFixed(2),
    ratioOf(pairs, ({ loopMs }) => loopMs).toFixed(2),
    (bytes / (pairs.floor[0]?.bytes ?? Number.NaN)).toFixed(3),
    (bytes / values).toFixed(3),
  ];
}

function round(ratio: number): number {
  return Number(ratio.toFixed(4));
}
