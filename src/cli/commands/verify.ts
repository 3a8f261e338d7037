import { type Backlog, openBacklog } from '../../assembly/backlog.ts';
import { dataDirectory } from '../../assembly/data-directory.ts';
import { objectSettings } from '../../assembly/object-settings.ts';
import { sweep } from '../../reconcile/sweep.ts';
import { verifyJobs } from '../../reconcile/verify-jobs.ts';
import { verifyObjects } from '../../reconcile/verify-objects.ts';
import { defineCommand } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { healLedgerRows } from '../heal-table.ts';
import { inspectJournal } from '../inspect-journal.ts';
import { deferredLedgerRows } from '../ledger-table.ts';
import { type CliMachine, openMachine } from '../machine.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { EXIT_FAILED, EXIT_OK } from '../program.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS } from '../shared-options.ts';
import type { TableRow } from '../table.ts';

const { config, dir, store, queue, keys } = PIPELINE_OPTIONS;

const REPAIR = {
  type: 'flag',
  description: 'Announce objects again that nobody would come to replay.',
} as const;

/** `tierfall verify`: reads everything that is stored, checks every hash, and balances the ledger. */
export const verifyCommand = defineCommand(
  {
    name: 'verify',
    summary: 'Check every stored byte and balance the ledger.',
    description: [
      'Reads journal, objects, settlements, queue and quarantine. Exit code 1 when something is damaged or does not balance.',
      'With --repair, objects that are neither settled nor announced are announced again first; nothing is deleted.',
    ],
    options: { config, dir, store, queue, keys, repair: REPAIR, ...OUTPUT_OPTIONS },
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
    const settings = await objectSettings(pipeline.objects);
    const backlog = await openBacklog({ ...pipeline, ...settings }, machine);
    try {
      const { journal: directory } = dataDirectory(pipeline.dir);
      const journal = await inspectJournal(directory, pipeline.chain, machine);
      terminal.table([journal.row], 'Journal');
      const progress = terminal.progress('objects read', { unit: 'objects' });
      const { objects, heals, faults } = await verifyObjects(
        backlog.store,
        pipeline.chain,
        backlog.decode,
        (done) => progress.update(done),
      );
      progress.finish();
      if (options.repair) terminal.table([await announceForgotten(backlog, machine)], 'Repair');
      const report = await backlog.report({ heals: true });
      terminal.table([{ objects, 'heal objects': heals, damaged: faults.length }], 'Objects');
      terminal.table(deferredLedgerRows(report), 'Deferred records');
      if (report.heals && report.heals.objects > 0)
        terminal.table(healLedgerRows(report.heals), 'Degraded records, originals kept');
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

/** Objects whose settlement cannot be read count as open: replaying them again changes nothing in the sink. */
async function announceForgotten(
  { store, queue, chain, decode }: Backlog,
  { bus }: Pick<CliMachine, 'bus'>,
): Promise<TableRow> {
  const { emit } = bus;
  const swept = await sweep({ store, queue, chain, decode, emit, checkSettlements: true });
  return { announced: swept.announced, 'already known': swept.known, unreadable: swept.unreadable.length };
}
