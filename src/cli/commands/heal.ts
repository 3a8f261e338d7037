import type { HealReport } from '../../reconcile/heal/heal.ts';
import { defineCommand } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { healedObjectRows, healRows } from '../heal-table.ts';
import { openMachine } from '../machine.ts';
import { openPipelineReconciler, packLeftovers } from '../open-reconciler.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_UNLANDED } from '../program.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS, SERVICE_OPTIONS } from '../shared-options.ts';
import { SINCE_OPTION, sinceOf } from '../since.ts';

/** `tierfall heal`: upgrades degraded records in place, then ends. */
export const healCommand = defineCommand(
  {
    name: 'heal',
    summary: 'Upgrade records in place that were delivered changed and fit the schema by now.',
    description: [
      'Reads the original bytes of degraded records under the present schema: --schema, else the newest of the registry, else that of the config file. What fits is written over its degraded version, but only while the sink still holds just that; what does not fit stays for a later schema.',
      'May run beside a writer and workers, and again at any time.',
    ],
    options: {
      ...PIPELINE_OPTIONS,
      since: SINCE_OPTION,
      'dry-run': { type: 'flag', description: 'Say how many records it would be, and change nothing.' },
      report: { type: 'flag', description: 'Print what became of every object.' },
      'log-level': SERVICE_OPTIONS['log-level'],
      ...OUTPUT_OPTIONS,
    },
    examples: [
      {
        command: 'tierfall heal --schema wider.json --dry-run',
        description: 'What would a wider schema take?',
      },
      { command: 'tierfall heal --since 7d --report', description: 'Upgrade what was degraded this week' },
    ],
  },
  async ({ options }, context: CliContext) => {
    const since = sinceOf(options.since, context.clock.wallNow());
    const pipeline = await resolvePipeline(options, context.cwd);
    await requireDirectory(pipeline);
    const terminal = terminalOf(context, options.json);
    const machine = openMachine(context, pipeline.chain, options['log-level']);
    const reconciler = await openPipelineReconciler(pipeline, machine);
    try {
      if (!options['dry-run']) await packLeftovers(pipeline, reconciler, machine);
      const { signal } = context;
      const report = await reconciler.heal({
        dryRun: options['dry-run'],
        signal,
        ...(since ? { since } : {}),
        ...(options.schema !== undefined && pipeline.schema ? { schema: pipeline.schema } : {}),
      });
      terminal.table(healRows(report), options['dry-run'] ? 'Degraded records (dry run)' : 'Degraded records');
      if (options.report) terminal.table(healedObjectRows(report), 'Objects');
      for (const note of notesOf(report)) terminal.note(note);
      return exitCodeOf(report);
    } finally {
      await reconciler.close();
    }
  },
);

function notesOf({ obstacle, reasons, unreadable, dryRun }: HealReport): readonly string[] {
  const notes = Object.entries(reasons).map(
    ([reason, rows]) => `${rows} stay degraded: ${WORDS[reason] ?? reason}`,
  );
  if (dryRun) notes.push('Nothing was changed.');
  if (obstacle !== undefined) notes.push(`Stopped before the end (${obstacle}). Run it again later.`);
  if (unreadable.length > 0) notes.push('Some objects cannot be read: run "tierfall verify".');
  return notes;
}

const WORDS: Readonly<Record<string, string>> = {
  'schema-mismatch': 'they do not fit this schema',
  'beyond-tolerance': 'they do not fit this schema',
  undecodable: 'they cannot be decoded',
  'unknown-version': 'what they were degraded under is not known',
  'not-comparable': 'the sink cannot tell whether a newer version lies under their key',
  absent: 'the sink does not hold them (yet, or any more)',
  refused: 'the sink refuses the fuller version',
  'missing-after-heal': 'the sink lost them after they were upgraded',
};

function exitCodeOf({ pending, unreadable, obstacle, dryRun }: HealReport): number {
  if (unreadable.length > 0) return EXIT_FAILED;
  if (dryRun) return EXIT_OK;
  return pending > 0 || obstacle !== undefined ? EXIT_UNLANDED : EXIT_OK;
}
