/**
 * Compares two sources that nobody holds in memory, in a process of its own: `node memory.ts ROWS MEMORY_BYTES` prints the
 * peak of its resident memory in MiB.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BatchInput } from '../../src/core/batch.ts';
import { diffSources, traitsOf } from '../../src/diff/diff-sources.ts';
import { batchSource, type RecordSource } from '../../src/diff/record-source.ts';
import { parseRules } from '../../src/diff/rules.ts';
import { spillTo } from '../../src/diff/spill.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';

const BATCH_ROWS = 500;
/** Visits every number below its own modulus once; prime, so every step below it does. */
const PRIME = 2_147_483_647;

async function* batches(rows: number, step: number, changeEvery: number): AsyncGenerator<BatchInput, void> {
  for (let from = 0; from < rows; from += BATCH_ROWS) {
    let body = '';
    for (let row = from; row < Math.min(rows, from + BATCH_ROWS); row += 1) {
      const id = Number((BigInt(row) * BigInt(step)) % BigInt(rows));
      const temp = id % changeEvery === 0 ? id + 0.5 : id;
      body += `{"id":${id},"device":"sensor-${id % 500}","temp":${temp},"status":"ok","note":"${'x'.repeat(100)}"}\n`;
    }
    yield { body, format: 'ndjson' };
  }
}

const [rows = 0, memoryBytes = 0] = process.argv.slice(2).map(Number);
const side = (step: number, changeEvery: number): RecordSource =>
  batchSource('generated', 'ndjson', batches(rows, step, changeEvery), rows * 170);
// A step that shares no divisor with the number of rows visits every id.
const [a, b] = [side(1, PRIME), side(7919, 100)];
let peakBytes = 0;
// Not the peak that the system tells: it counts the process that started this one.
const yieldToLoop = (): Promise<void> => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  return nextTurn();
};
const directory = await mkdtemp(`${tmpdir()}/bench-diff-`);
try {
  const report = await diffSources(a, b, {
    key: ['id'],
    rules: parseRules([], [], traitsOf(a, b)),
    memoryBytes,
    openSpill: spillTo(nodeFileSystem, directory),
    yieldToLoop,
  });
  const expected = Math.ceil(rows / 100) - 1;
  if (report.changed < expected || report.added + report.removed > 0 || !report.isSpilled)
    throw new Error(`not what was expected: ${JSON.stringify({ ...report, samples: [] })}`);
  process.stdout.write(`${(peakBytes / 1024 / 1024).toFixed(1)}\n`);
} finally {
  await rm(directory, { recursive: true });
}
