/** What differs between records, or a batch, and a schema: for those who want to know without writing anything. */
import { setImmediate } from 'node:timers/promises';
import { decodeRow, hasOffsets } from '../../codecs/codecs.ts';
import { Batch } from '../../core/batch.ts';
import { InputError } from '../../core/errors.ts';
import type { CompiledSchema } from '../compile-schema.ts';
import { dialectOf } from '../dialect-of.ts';
import type { FieldNames } from '../field-names.ts';
import { planFields } from '../schema-plan.ts';
import { DriftDetector } from './drift-detector.ts';
import type { DriftReport } from './drift-report.ts';
import { readWideRow, WIDE_BYTES } from './wide-row.ts';

export interface DetectDriftOptions {
  /** Stops the work; the promise then rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal;
  /** Lets other work run; called every 4,000 cells, or 64 KB of a batch. @default a setImmediate */
  readonly yieldToLoop?: () => Promise<unknown>;
  /** Whether code may be generated; where the host forbids it, it never is. @default true */
  readonly canGenerate?: boolean;
}

/** Parsed values, or a batch as it was submitted. */
export type DriftSource = Iterable<unknown> | AsyncIterable<unknown> | Batch;

const CELLS_PER_TURN = 4_000;
const BYTES_PER_TURN = 65_536;

/** Counts work and gives the event loop its turns. */
class Turns {
  readonly #options: DetectDriftOptions;
  readonly #yieldToLoop: () => Promise<unknown>;
  #left = 1;

  constructor(options: DetectDriftOptions) {
    this.#options = options;
    this.#yieldToLoop = options.yieldToLoop ?? (() => setImmediate());
  }

  /** Whether a turn is due after `share` more of one. */
  isDue(share: number): boolean {
    this.#left -= share;
    return this.#left <= 0;
  }

  async take(): Promise<void> {
    this.#left = 1;
    await this.#yieldToLoop();
    this.#options.signal?.throwIfAborted();
  }
}

/** @returns cells looked at */
function detectInRow(batch: Batch, row: number, detector: DriftDetector): number {
  try {
    return detector.add(decodeRow(batch, row), row);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    detector.skip(1);
    return 1;
  }
}

async function detectInBatch(
  batch: Batch,
  detector: DriftDetector,
  names: FieldNames,
  turns: Turns,
): Promise<void> {
  const isSpans = hasOffsets(batch);
  const takeTurn = (): Promise<void> => turns.take();
  for (let row = 0; row < batch.rowCount; row += 1) {
    if (isSpans && batch.frame.row(row).length > WIDE_BYTES) {
      const wide = await readWideRow(batch, row, names, takeTurn);
      if (wide) detector.add(wide.record, row, wide.others);
      else detector.skip(1);
      await takeTurn();
      continue;
    }
    const cells = detectInRow(batch, row, detector);
    const bytes = batch.frame.row(row).length;
    if (turns.isDue(cells / CELLS_PER_TURN + bytes / BYTES_PER_TURN)) await turns.take();
  }
}

async function detectInRecords(
  source: Iterable<unknown> | AsyncIterable<unknown>,
  detector: DriftDetector,
  turns: Turns,
): Promise<void> {
  let row = 0;
  if (Symbol.asyncIterator in source) {
    for await (const value of source) {
      if (turns.isDue(detector.add(value, row) / CELLS_PER_TURN)) await turns.take();
      row += 1;
    }
    return;
  }
  for (const value of source) {
    if (turns.isDue(detector.add(value, row) / CELLS_PER_TURN)) await turns.take();
    row += 1;
  }
}

/**
 * Holds every record against the schema; a value that is no object counts as a record with the field `value`. Rows of a
 * batch that cannot be read are counted as `undecodable`. The same schema and records give the same report.
 * @throws SchemaError naming the field when the schema cannot be used
 */
export async function detectDrift(
  source: DriftSource,
  { schema }: Pick<CompiledSchema, 'schema'>,
  options: DetectDriftOptions = {},
): Promise<DriftReport> {
  options.signal?.throwIfAborted();
  const { canGenerate = true } = options;
  const dialect = source instanceof Batch ? dialectOf(source) : 'typed';
  const plan = planFields(schema);
  const detector = new DriftDetector(plan, { dialect, canGenerate });
  const turns = new Turns(options);
  if (source instanceof Batch) await detectInBatch(source, detector, plan.names, turns);
  else await detectInRecords(source, detector, turns);
  return detector.report();
}
