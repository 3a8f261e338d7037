/**
 * An outage: entries pile up and nothing is taken out. Memory of the process on the way, and the latency of an append
 * at the end, beside that of a journal that holds a thousand, in turns.
 */
import { mkdir } from 'node:fs/promises';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { at, drive, keysOf } from './drive.ts';
import { entryOf, openJournal, type Running } from './subjects.ts';

export interface Outage {
  readonly entries: number;
  readonly gigabytes: number;
  /** Largest resident set that was seen, in MB. */
  readonly rssMb: number;
  /** Resident set after the first tenth, in MB. */
  readonly rssEarlyMb: number;
  /** p50 of an append with all of them queued over p50 with a thousand, one per turn. */
  readonly latencies: readonly number[];
  readonly reopenMs: number;
}

const LOAD = { submitters: 256, bodyBytes: 1024 };
const CHUNK = 10_000;
const TURNS = 9;
const PER_TURN = 20_000;

async function opened(directory: string): Promise<Running & { depth(): number }> {
  await mkdir(directory, { recursive: true });
  const journal = await openJournal(directory, nodeFileSystem);
  return {
    append: (body, key) => journal.append(entryOf(body, key)),
    close: () => journal.close(),
    depth: () => journal.depth.entries,
  };
}

async function p50(running: Running, first: number): Promise<number> {
  return at((await drive(running, LOAD, keysOf(first, PER_TURN))).sort(), 0.5);
}

async function pileUp(running: Running, entries: number): Promise<Pick<Outage, 'rssMb' | 'rssEarlyMb'>> {
  let rssMb = 0;
  let rssEarlyMb = 0;
  for (let first = 0; first < entries; first += CHUNK) {
    await drive(running, LOAD, keysOf(first, Math.min(CHUNK, entries - first)));
    rssMb = Math.max(rssMb, process.memoryUsage.rss() / 1e6);
    if (first < entries / 10) rssEarlyMb = rssMb;
  }
  return { rssMb, rssEarlyMb };
}

/** Latencies of a journal that holds much over those of one that holds a thousand, in a new directory each turn. */
async function compare(full: Running, directory: string, entries: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const few = await opened(`${directory}/few-${turn}`);
    await drive(few, LOAD, keysOf(0, 1_000));
    const first = entries + turn * PER_TURN;
    const [base, piled] =
      turn % 2 === 0
        ? [await p50(few, first), await p50(full, first)]
        : [await p50(full, first), await p50(few, first)].reverse();
    latencies.push((piled ?? Number.NaN) / (base ?? Number.NaN));
    await few.close();
  }
  return latencies;
}

const [, , directory = '', count = '10000000'] = process.argv;
const entries = Number(count);
const full = await opened(`${directory}/full`);
const memory = await pileUp(full, entries);
const latencies = await compare(full, directory, entries);
await full.close();
const started = performance.now();
const again = await opened(`${directory}/full`);
const reopenMs = performance.now() - started;
if (again.depth() !== entries + TURNS * PER_TURN) throw new Error(`${again.depth()} entries were found again`);
await again.close();
const gigabytes = (entries * LOAD.bodyBytes) / 1e9;
process.stdout.write(JSON.stringify({ entries, gigabytes, ...memory, latencies, reopenMs } satisfies Outage));
