/**
 * A pipeline as a process of its own, to be killed: submits batches from a number on, and prints the number of each
 * that was acknowledged. `pipeline-process.ts DIRECTORY FIRST COUNT [PACE_MS [DURABILITY]]`; ends by itself when COUNT is reached,
 * after everything is brought back; SIGTERM ends it early and in order.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createFallback, sqliteSink } from '../../src/index.ts';
import { batchOf, schema } from './pipeline-records.ts';

const [directory = '.', first = '0', count = '0', pace = '0', durability] = process.argv.slice(2);
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
  dir: join(directory, 'data'),
  durability: durability === 'store' ? 'store' : 'journal',
  sink: sqliteSink({ file: join(directory, 'sink.db'), table: 'records', busyTimeoutMs: 40 }),
  schema,
  retry: { attemptsMax: 2, firstMs: 20 },
  limits: { primary: { breaker: { pauseMs: 100, pauseMaxMs: 200 } } },
  worker: { leaseMs: 600, idleMs: 20 },
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
