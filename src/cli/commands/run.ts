import { createFallback, type Fallback } from '../../assembly/fallback.ts';
import { pipelineHealth } from '../../assembly/health.ts';
import { InputError, StorageError } from '../../core/errors.ts';
import type { EventBus } from '../../core/events.ts';
import { emptyLoss, mergeLoss } from '../../core/loss.ts';
import { readBatches } from '../../ingress/files.ts';
import { lossTable } from '../../schema/loss/loss-table.ts';
import type { Health } from '../../telemetry/metrics-server.ts';
import { defineCommand, type Invocation } from '../args.ts';
import { checkpointOf } from '../checkpoint.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { inferFirstSchema, withFirst } from '../first-schema.ts';
import { ingest } from '../ingest.ts';
import { formatOf, jsonPathOf, tableNameOf } from '../input-format.ts';
import { deferredLedgerRows, liveLedgerRows } from '../ledger-table.ts';
import { type CliMachine, openMachine, serveIfAsked } from '../machine.ts';
import { type Pipeline, requireSink, resolvePipeline } from '../pipeline.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_UNLANDED } from '../program.ts';
import { type Settings, writeSettings } from '../settings.ts';
import {
  FORMAT_OPTION,
  OUTPUT_OPTIONS,
  PIPELINE_OPTIONS,
  RECORD_BYTES_OPTION,
  SERVICE_OPTIONS,
} from '../shared-options.ts';
import type { Terminal } from '../terminal.ts';

const OPTIONS = {
  input: {
    type: 'text',
    short: 'i',
    placeholder: 'FILE',
    required: true,
    description: 'What to read; - is standard input.',
  },
  format: FORMAT_OPTION,
  'json-path': {
    type: 'text',
    placeholder: 'PATH',
    description: 'Where in a JSON input the array of records is, as a JSON Pointer: /data/items.',
  },
  ...PIPELINE_OPTIONS,
  'batch-rows': {
    type: 'integer',
    placeholder: 'N',
    default: '500',
    min: 1,
    description: 'Records per batch.',
  },
  'batch-bytes': {
    type: 'bytes',
    placeholder: 'SIZE',
    default: '1MiB',
    min: 1,
    description: 'Bytes per batch.',
  },
  'record-bytes': RECORD_BYTES_OPTION,
  'ordering-key': {
    type: 'text',
    placeholder: 'KEY',
    description: 'Key of all batches: applied in submit order while none of them is deferred.',
  },
  resume: { type: 'flag', description: 'Go on where the last run on this input was acknowledged.' },
  patience: {
    type: 'duration',
    placeholder: 'TIME',
    default: '5s',
    description: 'At the end: how long to try to bring deferred records back.',
  },
  ...SERVICE_OPTIONS,
  ...OUTPUT_OPTIONS,
} as const;

/** `tierfall run`: reads an input, lands every record somewhere, and accounts for each. */
export const runCommand = defineCommand(
  {
    name: 'run',
    summary: 'Read a file or a stream and land every record.',
    description: [
      'Records that do not fit are coerced, with every change in the loss report; what the sink refuses or cannot take now is kept raw and brought back later.',
    ],
    options: OPTIONS,
    examples: [
      {
        command: 'tierfall run --input movies.json --sink sqlite:x.db',
        description: 'A JSON array into a table named movies',
      },
      {
        command: 'tail -F app.ndjson | tierfall run -i - --format ndjson --sink sqlite:x.db',
        description: 'A stream',
      },
    ],
  },
  async (invocation, context: CliContext) => {
    const { options } = invocation;
    const terminal = terminalOf(context, options.json);
    const pipeline = await resolvePipeline(options, context.cwd, tableNameOf(options.input));
    requireSink(pipeline);
    return new Run(pipeline, invocation, context, terminal).run();
  },
);

class Run {
  readonly #pipeline: Pipeline;
  readonly #options: Invocation<typeof OPTIONS>['options'];
  readonly #context: CliContext;
  readonly #terminal: Terminal;

  constructor(
    pipeline: Pipeline,
    { options }: Invocation<typeof OPTIONS>,
    context: CliContext,
    terminal: Terminal,
  ) {
    this.#pipeline = pipeline;
    this.#options = options;
    this.#context = context;
    this.#terminal = terminal;
  }

  async run(): Promise<number> {
    const { input, resume, 'json-path': jsonPath, 'log-level': level, metrics: port, ...sizes } = this.#options;
    const { dir, chain, config, store, queue } = this.#pipeline;
    const { signal, cwd } = this.#context;
    const checkpoint = checkpointOf(dir, input, jsonPath);
    const from = resume ? await checkpoint.read() : { offset: 0, records: 0 };
    const format = formatOf(input, this.#options.format, config?.format);
    const reading = readBatches({
      input: input === '-' ? '-' : resolveInput(input, cwd),
      format,
      ...jsonPathOf(format, jsonPath),
      batchRows: sizes['batch-rows'],
      batchBytes: sizes['batch-bytes'],
      recordBytesMax: sizes['record-bytes'],
      from: { offset: from.offset },
      signal,
    });
    const first = await reading.next();
    if (first.done) {
      this.#terminal.note(`Nothing to do: all ${from.records} records of ${input} were acknowledged before.`);
      return EXIT_OK;
    }
    const { schema, settings, note } = this.#schemaFor(first.value);
    const machine = openMachine(this.#context, chain, level);
    const sink = requireSink(this.#pipeline);
    const fallback = await createFallback({
      ...config,
      ...machine,
      dir,
      name: chain,
      sink,
      schema,
      ...(store === undefined ? {} : { store }),
      ...(queue === undefined ? {} : { queue }),
      ...this.#pipeline.objects,
    });
    try {
      // Behind the lock: a second writer that is refused must not change what the first one is run with.
      await writeSettings(dir, settings);
      if (note !== undefined) this.#terminal.note(note);
      const server = await serveIfAsked(port, machine, this.#terminal, healthOf(fallback, machine));
      try {
        return await this.#fly(fallback, machine.bus, {
          batches: withFirst(first.value, reading),
          checkpoint,
          from,
        });
      } finally {
        await server?.close();
      }
    } finally {
      await fallback.close();
    }
  }

  #schemaFor(first: Parameters<typeof inferFirstSchema>[0]): {
    readonly schema: NonNullable<Pipeline['schema']>;
    readonly settings: Settings;
    readonly note?: string;
  } {
    const { dir, schema, settings } = this.#pipeline;
    if (schema) return { schema, settings };
    const inferred = inferFirstSchema(first, settings.tolerance);
    const note = `schema inferred from the first ${inferred.records} records and kept in ${dir}`;
    const { document, tolerance } = inferred;
    return { schema: inferred.schema, settings: { ...settings, schema: document, tolerance }, note };
  }

  async #fly(
    fallback: Fallback,
    bus: EventBus,
    source: Pick<Parameters<typeof ingest>[0], 'batches' | 'checkpoint' | 'from'>,
  ): Promise<number> {
    const { clock, signal } = this.#context;
    const { chain } = this.#pipeline;
    const progress = this.#terminal.progress('records', { unit: 'records' });
    let loss = emptyLoss;
    let failure: unknown;
    try {
      await ingest({
        ...source,
        fallback,
        clock,
        signal,
        orderingKey: this.#options['ordering-key'],
        onReceipt: (receipt, { records }) => {
          if (receipt.loss) loss = mergeLoss(loss, receipt.loss);
          const { degraded, deferred } = fallback.engine.ledger;
          progress.update(records, { degraded, deferred });
        },
        onUnsaved: ({ code, message }) =>
          bus.emit('storageFailed', { chain, operation: 'save checkpoint', code, message }),
      });
    } catch (error) {
      // What was read before is landed and must still be accounted for.
      if (!(error instanceof InputError) && !signal.aborted) throw error;
      failure = error;
    }
    progress.finish();
    const code = await this.#account(fallback, loss);
    if (failure === undefined) return code;
    if (failure instanceof InputError) throw failure;
    this.#terminal.note('Stopped. Go on with --resume.');
    return EXIT_FAILED;
  }

  /** Tries to land what is deferred. A queue that is away is no fault of the run: what is due is told from the store. */
  async #bringBack(fallback: Fallback): Promise<void> {
    let obstacle: string | undefined;
    try {
      if (fallback.engine.ledger.deferred === 0 && !(await hasBacklog(fallback))) return;
      const { drained, lastObstacle } = await fallback.reconcile({ patienceMs: this.#options.patience });
      if (drained) return;
      obstacle = lastObstacle ?? 'the sink is away';
    } catch (error) {
      if (!(error instanceof StorageError && error.retryable)) throw error;
      obstacle = error.message;
    }
    this.#terminal.note(
      `Records may stay deferred (${obstacle}): run "tierfall worker" or "tierfall reconcile".`,
    );
  }

  async #account(fallback: Fallback, loss: typeof emptyLoss): Promise<number> {
    const terminal = this.#terminal;
    const { ledger } = fallback.engine;
    await this.#bringBack(fallback);
    const report = await fallback.report();
    terminal.table(liveLedgerRows(ledger), 'Ledger of this run');
    if (report.rows > 0) terminal.table(deferredLedgerRows(report), 'Deferred records of this directory');
    if (loss.cells > 0) terminal.note(`\nWhat was changed\n${lossTable(loss)}`);
    if (ledger.unaccounted !== 0 || !report.balanced) {
      terminal.note('The ledger does NOT balance. Run "tierfall verify".');
      return EXIT_FAILED;
    }
    return report.pending + report.quarantined > 0 ? EXIT_UNLANDED : EXIT_OK;
  }
}

/** Jobs may wait while a run goes on: bringing them back is its last part. */
function healthOf({ backlog, chain }: Fallback, { clock, bus }: CliMachine): () => Promise<Health> {
  return pipelineHealth({ chain: chain.name, queue: backlog.queue, store: backlog.store, clock, bus });
}

/** Whether an earlier run left something to bring back. */
async function hasBacklog({ journal, backlog }: Fallback): Promise<boolean> {
  return journal.depth.rows > 0 || (await backlog.queue.depth()).rows > 0;
}

function resolveInput(input: string, cwd: string): string {
  return input.startsWith('/') ? input : `${cwd}/${input}`;
}
