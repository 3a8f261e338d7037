/** Starts `pipeline-process.ts` and hears what it says. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { PipelinePlace } from './pipeline-options.ts';

export interface PipelineChild {
  readonly process: ChildProcessByStdio<null, Readable, null>;
  /** Batches known to be acknowledged: all below this number. */
  readonly acknowledged: number;
  readonly lines: readonly string[];
  /** Resolves with the first whole line that starts with `word`, or undefined when it ended without one. */
  heard(word: string): Promise<string | undefined>;
  /** Resolves when it is gone and all it said was heard. */
  ended(): Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Batches `first` to `count`, which is not among them. @param lie what the file system of the process leaves out */
export function startPipeline(
  place: PipelinePlace,
  { first, count, paceMs = 0, lie = '' }: { first: number; count: number; paceMs?: number; lie?: string },
): PipelineChild {
  const script = join(import.meta.dirname, 'pipeline-process.ts');
  const args = [script, JSON.stringify(place), String(first), String(count), String(paceMs), lie];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  const lines: string[] = [];
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  const find = (word: string): string | undefined => lines.find((line) => line.startsWith(word));
  return {
    process: child,
    lines,
    get acknowledged() {
      return first + lines.filter((line) => line.startsWith('acked ')).length;
    },
    async heard(word) {
      while (find(word) === undefined && child.exitCode === null && child.signalCode === null) {
        await Promise.race([once(child.stdout, 'data'), closed]);
      }
      return find(word);
    },
    async ended() {
      const [code, signal] = await closed;
      return { code, signal };
    },
  };
}
