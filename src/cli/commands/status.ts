import { openBacklog } from '../../assembly/backlog.ts';
import { objectSettings } from '../../assembly/object-settings.ts';
import { defineCommand } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { deferredLedgerRows } from '../ledger-table.ts';
import { openMachine } from '../machine.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS } from '../shared-options.ts';

const { config, dir, store, queue, keys } = PIPELINE_OPTIONS;

/** `tierfall status`: what waits, what rests, what went wrong. Looks only; safe beside a running writer. */
export const statusCommand = defineCommand(
  {
    name: 'status',
    summary: 'Show what is deferred, queued and quarantined.',
    description: ['Looks only, and may run beside a writer and workers.'],
    options: { config, dir, store, queue, keys, ...OUTPUT_OPTIONS },
    examples: [
      { command: 'tierfall status --dir .tierfall', description: 'What still has to be brought back' },
    ],
  },
  async ({ options }, context: CliContext) => {
    const pipeline = await resolvePipeline(options, context.cwd);
    await requireDirectory(pipeline);
    const terminal = terminalOf(context, options.json);
    const settings = await objectSettings(pipeline.objects);
    const machine = openMachine(context, pipeline.chain, 'error');
    const backlog = await openBacklog({ ...pipeline, ...settings }, machine);
    try {
      const report = await backlog.report();
      const { waiting, active, postponed } = await backlog.queue.depth();
      terminal.table(
        [
          {
            chain: pipeline.chain,
            store: backlog.store.name,
            objects: report.objects,
            settled: report.settled,
          },
        ],
        `Data directory ${pipeline.dir}`,
      );
      terminal.table(deferredLedgerRows(report), 'Deferred records');
      terminal.table([{ waiting, active, postponed }], 'Reconcile jobs');
      const quarantine = await backlog.quarantine.counts();
      if (quarantine.length > 0) {
        const rows = quarantine.map(({ reason, held, released, discarded }) => ({
          reason,
          held,
          released,
          discarded,
        }));
        terminal.table(rows, 'Quarantine');
      }
      return 0;
    } finally {
      await backlog.close();
    }
  },
);
