import type { Backlog } from '../../assembly/backlog.ts';
import type { ReconcileReport } from '../../reconcile/ledger.ts';
import { readHead } from '../../reconcile/manifests/verify-links.ts';
import type { DrainReport, Worker } from '../../reconcile/worker.ts';
import { defineCommand } from '../args.ts';
import { missingRows, outageRows } from '../completeness-tables.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { healLedgerRows } from '../heal-table.ts';
import { completenessRows, deferredLedgerRows } from '../ledger-table.ts';
import { openMachine } from '../machine.ts';
import { openPipelineReconciler, packLeftovers } from '../open-reconciler.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_UNLANDED } from '../program.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS, SERVICE_OPTIONS } from '../shared-options.ts';
import type { Terminal } from '../terminal.ts';

/** `tierfall reconcile`: brings back what was deferred, then ends. */
export const reconcileCommand = defineCommand(
  {
    name: 'reconcile',
    summary: 'Replay everything that was deferred, once, and report.',
    description: [
      'Sweeps the store for forgotten objects, replays them in order, and proves that nothing is missing. Writes a manifest of each outage that is over, and links all manifests into a chain of hashes.',
    ],
    options: {
      ...PIPELINE_OPTIONS,
      patience: {
        type: 'duration',
        placeholder: 'TIME',
        default: '30s',
        description: 'How long nothing may move before it gives up.',
      },
      report: {
        type: 'flag',
        description: 'Print the completeness of every object and outage, and what became of degraded records.',
      },
      'log-level': SERVICE_OPTIONS['log-level'],
      ...OUTPUT_OPTIONS,
    },
    examples: [{ command: 'tierfall reconcile --report', description: 'Drain the backlog and see the proof' }],
  },
  async ({ options }, context: CliContext) => {
    const pipeline = await resolvePipeline(options, context.cwd);
    await requireDirectory(pipeline);
    const terminal = terminalOf(context, options.json);
    const machine = openMachine(context, pipeline.chain, options['log-level']);
    const reconciler = await openPipelineReconciler(pipeline, machine);
    try {
      await packLeftovers(pipeline, reconciler, machine);
      const drained = await drainUntilStopped(reconciler.worker, options.patience, context.signal);
      const report = await reconciler.backlog.report({ heals: options.report });
      terminal.table(deferredLedgerRows(report), 'Deferred records');
      if (options.report) await printCompleteness(report, reconciler.backlog, terminal);
      if (report.heals) terminal.table(healLedgerRows(report.heals), 'Degraded records, originals kept');
      if (!drained) terminal.note('Stopped before the end. Run it again to go on.');
      else if (!drained.drained)
        terminal.note(
          `Not done: ${drained.lastObstacle ?? 'other workers hold the rest'}. Run it again later.`,
        );
      if (!report.balanced) return EXIT_FAILED;
      return report.pending + report.quarantined > 0 ? EXIT_UNLANDED : EXIT_OK;
    } finally {
      await reconciler.close();
    }
  },
);

async function printCompleteness(
  report: ReconcileReport,
  { store, chain }: Pick<Backlog, 'store' | 'chain'>,
  terminal: Terminal,
): Promise<void> {
  terminal.table(completenessRows(report), 'Completeness');
  terminal.table(outageRows(report.outages), 'Outages');
  const missing = missingRows(report.outages);
  if (missing.length > 0) terminal.table(missing, 'Missing');
  const head = await readHead(store, chain);
  if (head) {
    terminal.note(
      `Head of the chain of manifests, link ${head.n}: ${head.hash}\nKeep it elsewhere; "tierfall verify --head ${head.hash}" tells whether anything before it was changed.`,
    );
  }
}

/** @returns undefined when it was stopped; the running entries are finished by then */
async function drainUntilStopped(
  worker: Worker,
  patienceMs: number,
  signal: AbortSignal,
): Promise<DrainReport | undefined> {
  try {
    return await worker.drain({ patienceMs, signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
