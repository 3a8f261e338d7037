/** An outside look at what became of batches: the sink's own table, and the quarantine of the data directory. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openBacklog } from '../../src/assembly/backlog.ts';
import { EventBus } from '../../src/core/events.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';
import type { ReconcileReport } from '../../src/reconcile/ledger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { PipelinePlace } from './pipeline-options.ts';
import { isPoison, ROWS } from './pipeline-records.ts';

export interface Seen {
  /** `batch/row` of every row of the sink, in the order they came; a row that is there twice is listed twice. */
  readonly landed: readonly string[];
  readonly quarantined: ReadonlySet<string>;
  readonly report: ReconcileReport;
}

/** @param data the data directory, when it is not `data` in `directory` */
export async function look({ directory, data = join(directory, 'data') }: PipelinePlace): Promise<Seen> {
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
  const backlog = await openBacklog({ dir: data, chain: 'default' }, machine);
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

/**
 * Of every batch below `acknowledged` each row is in the sink once, or in quarantine, and never both. Batches from there to
 * below `submitted` may be there, as a whole or in part.
 * @returns what is wrong, in words; empty when all is well
 */
export function findFaults(
  { landed, quarantined, report }: Seen,
  acknowledged: number,
  submitted = acknowledged,
): readonly string[] {
  const rows = { expected: new Set<string>(), poison: new Set<string>() };
  const possible = { expected: new Set<string>(), poison: new Set<string>() };
  for (let batch = 0; batch < submitted; batch += 1) {
    for (let row = 0; row < ROWS; row += 1) {
      const kind = isPoison(batch, row) ? 'poison' : 'expected';
      possible[kind].add(`${batch}/${row}`);
      if (batch < acknowledged) rows[kind].add(`${batch}/${row}`);
    }
  }
  const once = new Set<string>();
  const twice = landed.filter((row) => once.size === once.add(row).size);
  const faults: readonly (readonly [string, readonly string[]])[] = [
    ['landed twice', twice],
    ['acknowledged and not in the sink', missing(rows.expected, once)],
    ['refused for good and not in quarantine', missing(rows.poison, quarantined)],
    ['in the sink and never submitted', missing(once, possible.expected)],
    ['in quarantine without a fault', missing(quarantined, possible.poison)],
    ['the books', report.balanced && report.pending === 0 ? [] : [totalsOf(report)]],
  ];
  return faults.flatMap(([what, found]) =>
    found.length === 0 ? [] : [`${what} (${found.length}): ${found.slice(0, 10).join(' ')}`],
  );
}

function missing(wanted: ReadonlySet<string>, found: ReadonlySet<string>): readonly string[] {
  return [...wanted].filter((row) => !found.has(row));
}

function totalsOf({ objects, settled, rows, pending, missing, balanced }: ReconcileReport): string {
  return JSON.stringify({ objects, settled, rows, pending, missing, balanced });
}
