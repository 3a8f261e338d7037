/** How long a comparison keeps the event loop to itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import type { BatchInput } from '../../src/core/batch.ts';
import { diffSources, traitsOf } from '../../src/diff/diff-sources.ts';
import { batchSource, type RecordSource } from '../../src/diff/record-source.ts';
import { parseRules } from '../../src/diff/rules.ts';
import { spillTo } from '../../src/diff/spill.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';

const BATCH_LINES = 1000;
const MEMORY_BYTES = 4 * 1024 * 1024;

/** CPU of this process in milliseconds, threads that collect garbage beside it included. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The longest time between two turns of the event loop while `run` works, in CPU: neighbours do not count. */
export async function longestBlockMs(run: () => Promise<unknown>): Promise<number> {
  let [last, longest, isRunning] = [cpuMs(), 0, true];
  const look = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (isRunning) setImmediate(look);
  };
  setImmediate(look);
  await run();
  isRunning = false;
  return Math.max(longest, cpuMs() - last);
}

function sourceOf(lines: readonly string[]): RecordSource {
  async function* batches(): AsyncGenerator<BatchInput, void> {
    for (let from = 0; from < lines.length; from += BATCH_LINES)
      yield { body: `${lines.slice(from, from + BATCH_LINES).join('\n')}\n`, format: 'ndjson' };
  }
  return batchSource('lines', 'ndjson', batches());
}

/** Compares lines that do not fit into the memory it is given, so that they go over a disk. */
export async function spilledDiff(linesA: readonly string[], linesB: readonly string[]): Promise<void> {
  const directory = await mkdtemp(`${tmpdir()}/bench-diff-`);
  const [a, b] = [sourceOf(linesA), sourceOf(linesB)];
  try {
    const { isSpilled, changed } = await diffSources(a, b, {
      key: ['id'],
      rules: parseRules([], [], traitsOf(a, b)),
      memoryBytes: MEMORY_BYTES,
      openSpill: spillTo(nodeFileSystem, directory),
      yieldToLoop,
    });
    if (!isSpilled || changed === 0) throw new Error('not what was expected');
  } finally {
    await rm(directory, { recursive: true });
  }
}
