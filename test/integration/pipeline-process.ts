/**
 * A pipeline as a process of its own, to be killed: submits batches from a number on, and prints the number of each
 * that was acknowledged. `pipeline-process.ts PLACE FIRST COUNT [PACE_MS [LIE]]`, PLACE in JSON; ends by itself when COUNT is
 * reached, after everything is brought back; SIGTERM ends it early and in order. LIE names what its file system leaves out.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { createFallback } from '../../src/index.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { lyingFileSystem } from '../faults/lying-file-system.ts';
import { type PipelinePlace, pipelineOptions } from './pipeline-options.ts';
import { batchOf } from './pipeline-records.ts';

const [place = '{}', first = '0', count = '0', pace = '0', lie = ''] = process.argv.slice(2);
const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());

async function* batches() {
  for (let batch = Number(first); batch < Number(count) && !stopping.signal.aborted; batch += 1) {
    if (Number(pace) > 0) await pause(Number(pace));
    yield batchOf(batch);
  }
}

process.stdout.write('ready\n');
const fallback = await createFallback({
  ...pipelineOptions(JSON.parse(place) as PipelinePlace),
  fs: lie === '' ? nodeFileSystem : lyingFileSystem(nodeFileSystem, lie),
});
let acknowledged = Number(first);
for await (const receipt of fallback.run(batches(), { inFlightMax: 6 })) {
  if (receipt.rejected > 0) throw new Error('rejected');
  process.stdout.write(`acked ${acknowledged}\n`);
  acknowledged += 1;
}
if (!stopping.signal.aborted) {
  const { drained, left } = await fallback.reconcile({ patienceMs: 15_000 });
  if (!drained) throw new Error(`not drained: ${JSON.stringify(left)}`);
}
const { unaccounted } = fallback.engine.ledger;
await fallback.close();
process.stdout.write(`closed ${unaccounted}\n`);
