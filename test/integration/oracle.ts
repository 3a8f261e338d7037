/** An outside look at what became of batches: the sink's own table, and the quarantine of the data directory. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openBacklog } from '../../src/assembly/backlog.ts';
import { EventBus } from '../../src/core/events.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';
import type { ReconcileReport } from '../../src/reconcile/ledger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

export interface Seen {
  /** `batch/row` of every row of the sink, in the order they came; a row that is there twice is listed twice. */
  readonly landed: readonly string[];
  readonly quarantined: ReadonlySet<string>;
  readonly report: ReconcileReport;
}

export async function look(directory: string): Promise<Seen> {
  const database = new DatabaseSync(join(directory, 'sink.db'));
  const landed = database.prepare('SELECT batch, row FROM records ORDER BY rowid').all();
  database.close();
  const machine = {
    clock: systemClock,
    random: systemRandom,
    fs: nodeFileSystem,
    metrics: createMetrics('default'),
    bus: new EventBus(),
  };
  const backlog = await openBacklog({ dir: join(directory, 'data'), chain: 'default' }, machine);
  try {
    const rows = await backlog.quarantine.list({ limit: 1_000_000 });
    const bodies = rows.map(
      ({ body }) => JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>,
    );
    return {
      landed: landed.map((row) => `${row['batch']}/${row['row']}`),
      quarantined: new Set(bodies.map((record) => `${record['batch']}/${record['row']}`)),
      report: await backlog.report(),
    };
  } finally {
    await backlog.close();
  }
}
