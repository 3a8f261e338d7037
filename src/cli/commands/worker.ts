import type { Reconciler } from '../../assembly/reconciler.ts';
import { watchBacklog } from '../../assembly/watch-backlog.ts';
import { StorageError } from '../../core/errors.ts';
import { defineCommand } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { type CliMachine, openMachine, serveIfAsked } from '../machine.ts';
import { openPipelineReconciler, packLeftovers } from '../open-reconciler.ts';
import { type Pipeline, resolvePipeline } from '../pipeline.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS, SERVICE_OPTIONS } from '../shared-options.ts';

const TICK_MS = 500;
/** Seldom, because it takes the journal's lock for a moment when no writer has it. */
const PACK_EVERY_MS = 30_000;

/** `tierfall worker`: replays what is deferred until it is told to stop. */
export const workerCommand = defineCommand(
  {
    name: 'worker',
    summary: 'Replay deferred records until stopped.',
    description: [
      'May run beside a writer and beside other workers. SIGTERM or Ctrl-C finishes the running entries and gives the rest back.',
    ],
    options: {
      ...PIPELINE_OPTIONS,
      concurrency: {
        type: 'integer',
        placeholder: 'N',
        default: '4',
        min: 1,
        description: 'Objects replayed at a time, each of another lane.',
      },
      ...SERVICE_OPTIONS,
      ...OUTPUT_OPTIONS,
    },
    examples: [
      {
        command: 'tierfall worker --dir /var/lib/app --metrics 9400',
        description: 'As a service with metrics',
      },
    ],
  },
  async ({ options }, context: CliContext) => {
    const pipeline = await resolvePipeline(options, context.cwd);
    const terminal = terminalOf(context, options.json);
    const machine = openMachine(context, pipeline.chain, options['log-level']);
    const reconciler = await openPipelineReconciler(pipeline, machine, { concurrency: options.concurrency });
    const server = await serveIfAsked(options.metrics, machine, terminal).catch(async (error: unknown) => {
      await reconciler.close();
      throw error;
    });
    const { worker, backlog } = reconciler;
    const { chain } = pipeline;
    const unwatch = server && watchBacklog({ chain, backlog, metrics: machine.metrics, clock: machine.clock });
    worker.start();
    terminal.note(`worker is running on ${pipeline.dir}; stop it with Ctrl-C`);
    const progress = terminal.progress('replayed', { unit: 'records' });
    try {
      let packedMs = Number.NEGATIVE_INFINITY;
      while (!context.signal.aborted) {
        if (context.clock.now() - packedMs >= PACK_EVERY_MS) {
          await packIfPossible(pipeline, reconciler, machine);
          packedMs = context.clock.now();
        }
        const { delivered, degraded, alreadyHeld, quarantined, settled, postponed } = worker.stats;
        progress.update(delivered + degraded + alreadyHeld, { settled, postponed, quarantined });
        await pause(context, TICK_MS);
      }
      return 0;
    } finally {
      progress.finish();
      unwatch?.();
      await server?.close();
      await reconciler.close();
    }
  },
);

/** What cannot be packed now stays in the journal; the worker goes on with what is packed, and tries again. */
async function packIfPossible(pipeline: Pipeline, reconciler: Reconciler, machine: CliMachine): Promise<void> {
  try {
    await packLeftovers(pipeline, reconciler, machine);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const { code, message } = error;
    machine.bus.emit('storageFailed', { chain: pipeline.chain, operation: 'pack leftovers', code, message });
  }
}

/** Waits, or until the process is told to stop. */
function pause({ clock, signal }: CliContext, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.schedule(delayMs, done, { keepAlive: true });
    function done(): void {
      signal.removeEventListener('abort', done);
      cancel();
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
