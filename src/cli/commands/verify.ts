import { openBacklog } from '../../assembly/backlog.ts';
import { dataDirectory } from '../../assembly/data-directory.ts';
import { objectSettings } from '../../assembly/object-settings.ts';
import { verifyJobs } from '../../reconcile/verify-jobs.ts';
import { verifyObjects } from '../../reconcile/verify-objects.ts';
import { decodeObject } from '../../stores/parquet.ts';
import { defineCommand } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { inspectJournal } from '../inspect-journal.ts';
import { deferredLedgerRows } from '../ledger-table.ts';
import { openMachine } from '../machine.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { EXIT_FAILED, EXIT_OK } from '../program.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS } from '../shared-options.ts';

const { config, dir } = PIPELINE_OPTIONS;

/** `tierfall verify`: reads everything that is stored, checks every hash, and balances the ledger. */
export const verifyCommand = defineCommand(
  {
    name: 'verify',
    summary: 'Check every stored byte and balance the ledger.',
    description: [
      'Reads journal, objects, settlements, queue and quarantine. Exit code 1 when something is damaged or does not balance.',
    ],
    options: { config, dir, ...OUTPUT_OPTIONS },
    examples: [
      {
        command: 'tierfall verify --dir .tierfall',
        description: 'Is everything that was acknowledged still there?',
      },
    ],
  },
  async ({ options }, context: CliContext) => {
    const pipeline = await resolvePipeline(options, context.cwd);
    await requireDirectory(pipeline);
    const terminal = terminalOf(context, options.json);
    const machine = openMachine(context, pipeline.chain, 'error');
    const backlog = await openBacklog(
      pipeline.dir,
      pipeline.chain,
      machine,
      await objectSettings(pipeline.config),
    );
    try {
      const { journal: directory } = dataDirectory(pipeline.dir);
      const journal = await inspectJournal(directory, pipeline.chain, machine);
      terminal.table([journal.row], 'Journal');
      const progress = terminal.progress('objects read', { unit: 'objects' });
      const { objects, heals, faults } = await verifyObjects(
        backlog.store,
        pipeline.chain,
        decodeObject,
        (done) => progress.update(done),
      );
      progress.finish();
      const report = await backlog.report();
      terminal.table([{ objects, 'heal objects': heals, damaged: faults.length }], 'Objects');
      terminal.table(deferredLedgerRows(report), 'Deferred records');
      const { store, queue } = backlog;
      const damage = [
        ...journal.damage,
        ...faults,
        ...(await verifyJobs({ store, queue, chain: pipeline.chain, clock: context.clock })),
        ...report.perObject.flatMap(({ ref, fault }) => (fault ? [{ ref, fault }] : [])),
      ];
      if (damage.length > 0)
        terminal.table(
          damage.map(({ ref, fault }) => ({ where: ref, fault })),
          'Damage',
        );
      const isSound = report.balanced && damage.length === 0;
      terminal.note(
        isSound ? 'The ledger balances and every byte is as it was stored.' : 'NOT in order: see above.',
      );
      return isSound ? EXIT_OK : EXIT_FAILED;
    } finally {
      await backlog.close();
    }
  },
);
