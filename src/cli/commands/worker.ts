import { pipelineHealth } from '../../assembly/health.ts';
import type { HealSettings } from '../../assembly/keep-healing.ts';
import { CLOSE_WITHIN_MS, letGoIn, type Reconciler } from '../../assembly/reconciler.ts';
import { watchBacklog } from '../../assembly/watch-backlog.ts';
import type { Clock } from '../../core/clock.ts';
import { StorageError } from '../../core/errors.ts';
import type { Worker } from '../../reconcile/worker.ts';
import { defineCommand } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { lanesOf } from '../lanes.ts';
import { type CliMachine, openMachine, serveIfAsked } from '../machine.ts';
import { openPipelineReconciler, packLeftovers } from '../open-reconciler.ts';
import { type Pipeline, resolvePipeline } from '../pipeline.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS, SERVICE_OPTIONS } from '../shared-options.ts';
import type { Terminal } from '../terminal.ts';

const TICK_MS = 500;
/** Seldom, because it takes the journal's lock for a moment when no writer has it. */
const PACK_EVERY_MS = 30_000;

const OPTIONS = {
  ...PIPELINE_OPTIONS,
  concurrency: {
    type: 'integer',
    placeholder: 'N',
    default: '4',
    min: 1,
    description: 'Objects replayed at a time, each of another lane.',
  },
  lanes: {
    type: 'text',
    placeholder: 'LANES',
    description: 'Only jobs of these lanes, such as 0-7,12; others must take the rest. Default: all 16, 0-15.',
  },
  grace: {
    type: 'duration',
    placeholder: 'TIME',
    default: '30s',
    description: 'When stopped: how long running entries may take to finish.',
  },
  'stalled-after': {
    type: 'duration',
    placeholder: 'TIME',
    default: '10m',
    min: 1,
    description: 'When jobs wait and nothing moves for so long, /healthz says so (503).',
  },
  'heal-every': {
    type: 'duration',
    placeholder: 'TIME',
    min: 1000,
    description: 'Heal degraded records at the start and every so often. Default: as configured, else never.',
  },
  ...SERVICE_OPTIONS,
  ...OUTPUT_OPTIONS,
} as const;

/** `tierfall worker`: replays what is deferred until it is told to stop. */
export const workerCommand = defineCommand(
  {
    name: 'worker',
    summary: 'Replay deferred records until stopped.',
    description: [
      'May run beside a writer and beside other workers. SIGTERM or Ctrl-C finishes the running entries, gives the rest back and ends with 0, at the latest after --grace; a second one ends at once. What did not finish goes to another worker when its lease ends.',
      'With --metrics, /healthz answers 200 while queue and store answer and jobs move, else 503 with the reasons.',
    ],
    options: OPTIONS,
    examples: [
      {
        command: 'tierfall worker --dir /var/lib/app --metrics 9400',
        description: 'As a service with metrics',
      },
      { command: 'tierfall worker -c tierfall.config.ts --lanes 0-7', description: 'Half of the lanes' },
    ],
  },
  async ({ options }, context: CliContext) => {
    const lanes = lanesOf(options.lanes);
    const pipeline = await resolvePipeline(options, context.cwd);
    const terminal = terminalOf(context, options.json);
    const machine = openMachine(context, pipeline.chain, options['log-level']);
    const heal = healingOf(options['heal-every'], pipeline);
    const reconciler = await openPipelineReconciler(pipeline, machine, {
      concurrency: options.concurrency,
      ...(lanes ? { lanes } : {}),
      ...(heal ? { heal } : {}),
    });
    const { worker, backlog } = reconciler;
    const { chain } = pipeline;
    const { queue, store } = backlog;
    const { clock, bus, metrics } = machine;
    const health = pipelineHealth({
      chain,
      queue,
      store,
      worker,
      clock,
      bus,
      stalledAfterMs: options['stalled-after'],
    });
    const server = await serveIfAsked(options.metrics, machine, terminal, health).catch(
      async (error: unknown) => {
        await reconciler.close();
        throw error;
      },
    );
    const unwatch = server && watchBacklog({ chain, backlog, metrics, clock });
    worker.start();
    terminal.note(`worker is running on ${pipeline.dir}; stop it with Ctrl-C`);
    const packer = new LeftoverPacker(pipeline, reconciler, machine);
    try {
      await workUntilStopped(packer, worker, terminal, context);
      return 0;
    } finally {
      unwatch?.();
      const isEnded = await endsWithin(options.grace, endAll(packer, reconciler, clock), clock);
      if (!isEnded)
        terminal.note(`Not everything ended within ${options.grace} ms; leases run out by themselves.`);
      await server?.close();
    }
  },
);

function healingOf(everyMs: number | undefined, { config }: Pipeline): HealSettings | undefined {
  if (everyMs !== undefined) return { everyMs };
  return config?.worker ? config.worker.heal : undefined;
}

async function workUntilStopped(
  packer: LeftoverPacker,
  worker: Worker,
  terminal: Terminal,
  context: CliContext,
): Promise<void> {
  const progress = terminal.progress('replayed', { unit: 'records' });
  try {
    while (!context.signal.aborted) {
      packer.packIfDue();
      const { delivered, degraded, alreadyHeld, quarantined, settled, postponed } = worker.stats;
      progress.update(delivered + degraded + alreadyHeld, { settled, postponed, quarantined });
      await pause(context, TICK_MS);
    }
  } finally {
    progress.finish();
  }
}

/** Packs beside the worker, so that a store that is away does not keep anybody from stopping. */
class LeftoverPacker {
  readonly #pipeline: Pipeline;
  readonly #reconciler: Reconciler;
  readonly #machine: CliMachine;
  #packing: Promise<void> | undefined;
  #packedMs = Number.NEGATIVE_INFINITY;
  #fault: { readonly error: unknown } | undefined;

  constructor(pipeline: Pipeline, reconciler: Reconciler, machine: CliMachine) {
    this.#pipeline = pipeline;
    this.#reconciler = reconciler;
    this.#machine = machine;
  }

  /** @throws what an earlier packing failed with, unless that was the storage's failure */
  packIfDue(): void {
    if (this.#fault) throw this.#fault.error;
    const nowMs = this.#machine.clock.now();
    if (this.#packing || nowMs - this.#packedMs < PACK_EVERY_MS) return;
    this.#packedMs = nowMs;
    this.#packing = this.#pack().finally(() => {
      this.#packing = undefined;
    });
  }

  async ended(): Promise<void> {
    await this.#packing;
  }

  /** What cannot be packed now stays in the journal; the worker goes on with what is packed, and tries again. */
  async #pack(): Promise<void> {
    try {
      await packLeftovers(this.#pipeline, this.#reconciler, this.#machine);
    } catch (error) {
      if (!(error instanceof StorageError)) {
        this.#fault = { error };
        return;
      }
      const { code, message } = error;
      const { chain } = this.#pipeline;
      this.#machine.bus.emit('storageFailed', { chain, operation: 'pack leftovers', code, message });
    }
  }
}

/** The worker stops claiming at once, whatever packing waits for. */
async function endAll(packer: LeftoverPacker, reconciler: Reconciler, clock: Clock): Promise<void> {
  const cancel = letGoIn(CLOSE_WITHIN_MS, reconciler.backlog, clock);
  await Promise.all([packer.ended(), reconciler.worker.close()]);
  cancel();
  await reconciler.close();
}

/** @returns false when it goes on after that time; its failure is nobody's then */
function endsWithin(delayMs: number, ending: Promise<void>, clock: Clock): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(delayMs, () => resolve(false), { keepAlive: true });
    ending.then(
      () => {
        cancel();
        resolve(true);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
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
