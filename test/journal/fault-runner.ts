/** Runs the scenario under a fault of the system, by strace, and checks what is left. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSegmentJournal } from '../../src/journal/segment-journal.ts';
import { scenarioOptions } from './fault-scenario.ts';
import { entryOf } from './writer.ts';

const SCENARIO = join(import.meta.dirname, 'fault-scenario.ts');

/** System calls by what they do to the disk. */
export const CALLS = {
  write: 'write,writev,pwrite64,pwritev',
  sync: 'fsync,fdatasync',
  rename: 'rename,renameat,renameat2,unlink,unlinkat',
} as const;

export interface FaultRun {
  /** Whether the fault took place: beyond the last call of its kind it does not. */
  readonly isHit: boolean;
  readonly acked: number;
  readonly refused: number;
  /** What went wrong; empty when all is well. */
  readonly faults: readonly string[];
}

/** Whether strace is there and may trace. */
export function canTrace(): boolean {
  return spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
}

/** Syncs of a descriptor after one of them failed, until it was closed. */
function syncsAfterFailure(trace: string): string[] {
  const failed = new Set<string>();
  const found: string[] = [];
  for (const line of trace.split('\n')) {
    const [, call, descriptor = ''] = /(fsync|fdatasync|close)\((\d+)/.exec(line) ?? [];
    if (call === undefined) continue;
    if (call === 'close') failed.delete(descriptor);
    else if (failed.has(descriptor)) found.push(`synced again after a failure: ${line}`);
    else if (line.includes('EIO')) failed.add(descriptor);
  }
  return found;
}

/** Everything acknowledged and not below a checkpoint must be there, byte for byte, and nothing else may be wrong. */
async function checkLeft(directory: string, lines: readonly string[], isEncrypted: boolean): Promise<string[]> {
  const faults: string[] = [];
  const journal = await openSegmentJournal(scenarioOptions(directory, isEncrypted));
  const left = new Map<string, Uint8Array>();
  for (let at = -1; ; ) {
    const entries = await journal.read(at, 1e6);
    for (const { key, body } of entries) left.set(key, body);
    const last = entries.at(-1);
    if (last === undefined) break;
    at = last.seq;
  }
  const { checkpointed } = journal;
  await journal.close();
  // Seqs are given in the order of appends, so the acks tell which numbers a checkpoint took.
  const acked = lines.flatMap((line) => (line.startsWith('ack ') ? [Number(line.slice(4))] : []));
  for (const number of acked) {
    const { key, body } = entryOf(number);
    const found = left.get(key);
    if (found === undefined && number > checkpointed)
      faults.push(`entry ${number} was acknowledged and is lost`);
    if (found !== undefined && Buffer.compare(found, body) !== 0)
      faults.push(`entry ${number} has wrong bytes`);
  }
  return faults;
}

/** @param inject as strace takes it, such as `fdatasync:error=EIO:when=3` */
export async function runUnder(inject: string, isEncrypted: boolean): Promise<FaultRun> {
  const root = mkdtempSync(join(tmpdir(), 'tierfall-fault-'));
  try {
    const directory = join(root, 'journal');
    const trace = join(root, 'trace');
    const traced = `trace=${CALLS.write},${CALLS.sync},${CALLS.rename},close`;
    const scenario = [process.execPath, SCENARIO, directory, isEncrypted ? 'encrypted' : 'plain'];
    // One thread does all file work, so that the n-th call is the n-th.
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
    const args = ['-f', '-o', trace, '-e', traced, '-e', `inject=${inject}`, ...scenario];
    const { stdout } = spawnSync('strace', args, { env, encoding: 'utf8' });
    const lines = stdout.split('\n').filter((line) => line !== '');
    const traceText = readFileSync(trace, 'utf8');
    // Not that the scenario did not end: one that never began would not have either.
    const isHit = /\(INJECTED\)|\+\+\+ killed by SIGKILL/.test(traceText);
    const faults = [...syncsAfterFailure(traceText), ...(await checkLeft(directory, lines, isEncrypted))];
    const count = (word: string): number => lines.filter((line) => line.startsWith(`${word} `)).length;
    return { isHit, acked: count('ack'), refused: count('nack'), faults };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
