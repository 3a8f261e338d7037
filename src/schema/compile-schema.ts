/** A schema, compiled once and used for every batch. */
import { setImmediate } from 'node:timers/promises';
import type { Batch } from '../core/batch.ts';
import type { Column, Columns } from '../core/columns.ts';
import { SchemaError } from '../core/errors.ts';
import type { RowSet } from '../core/row-set.ts';
import type { Schema } from './arrow.ts';
import { type Checked, checkRows, checkRowsInTurns } from './check.ts';
import { type Coerced, coerceRows } from './coerce.ts';
import { fingerprintOf } from './declare/fingerprint.ts';
import { tolerancesOf } from './drift/tolerance.ts';
import { GeneratedLayouts } from './fill/generated-layouts.ts';
import { Pass } from './fill/pass.ts';
import type { CellRecord } from './records/cell-record.ts';
import { RecordMaker } from './records/record-maker.ts';
import { planFields, type SchemaPlan } from './schema-plan.ts';

export type { Checked } from './check.ts';
export type { Coerced } from './coerce.ts';

export interface CompileOptions {
  /** Divergence (mismatched cells / cells, 0 to 1) above which mismatched rows are `beyond-tolerance`. @default 0.25 */
  readonly tolerance?: number;
  /** Whether code may be generated for the schema; hosts that forbid it are noticed without being told. @default true */
  readonly codeGeneration?: boolean;
  /** Lets other work run; called every few milliseconds of work. @default a setImmediate */
  readonly yieldToLoop?: () => Promise<unknown>;
}

export interface CompiledSchema {
  readonly schema: Schema;
  /** Of `fingerprintOf`: equal for equal schemas. */
  readonly fingerprint: string;
  readonly columns: readonly Column[];
  /** As compiled with: 0 to 1. */
  readonly tolerance: number;
  /** The strict check. Every row is in the columns or in one residue; never throws for data. */
  check(batch: Batch, rows: RowSet): Checked;
  /** The same for a body of any size: lets other work run every few milliseconds. */
  checkInTurns(batch: Batch, rows: RowSet): Promise<Checked>;
  /** Structural degradation. Every row is in the columns or in one residue; never rejects for data. */
  coerce(batch: Batch, rows: RowSet): Promise<Coerced>;
  /** One object per row of columns that `check` or `coerce` gave: fields in the order of the schema, null where null. */
  records(columns: Columns): readonly CellRecord[];
  /** The same for columns of any length. */
  recordsInTurns(columns: Columns): Promise<readonly CellRecord[]>;
}

const TOLERANCE = 0.25;
/** Framed in less than a millisecond. */
const BYTES_AT_ONCE = 1024 * 1024;

/** Metadata `onUnknown` of the schema itself. */
function readUnknown({ metadata }: Schema): boolean {
  const text = metadata.get('onUnknown') ?? 'strip';
  if (text === 'strip' || text === 'refuse') return text === 'refuse';
  throw new SchemaError(
    'SCHEMA_METADATA',
    `onUnknown is ${JSON.stringify(text)}, expected "strip" or "refuse"`,
    { hint: 'Correct the metadata onUnknown of the schema (x-on-unknown at the root of a JSON Schema).' },
  );
}

/**
 * Pure but for time given to the event loop; the result may be shared and kept.
 * @throws SchemaError naming the field when a type, a name or metadata cannot be used
 * @throws ConfigError when `tolerance` is not between 0 and 1
 */
export function compileSchema(schema: Schema, options: CompileOptions = {}): CompiledSchema {
  const { tolerance = TOLERANCE, codeGeneration = true, yieldToLoop = () => setImmediate() } = options;
  const tolerances = tolerancesOf(schema.fields, tolerance);
  const planned = planFields(schema);
  const { fields } = planned;
  const plan: SchemaPlan = {
    ...planned,
    refusesUnknown: readUnknown(schema),
    generated: new GeneratedLayouts(fields, codeGeneration),
  };
  const recordMaker = new RecordMaker(codeGeneration);
  // A retry, a bisection and the coercion of what the check left all look at the same rows again.
  const passes = new WeakMap<Batch, Pass>();
  const passOf = (batch: Batch): Pass => {
    const pass = passes.get(batch) ?? new Pass(plan, batch);
    passes.set(batch, pass);
    return pass;
  };
  const readInTurns = async (batch: Batch): Promise<Pass> => {
    if (batch.bytes > BYTES_AT_ONCE && !passes.has(batch)) {
      // To find the rows of a large body, and to make room for their cells, takes milliseconds each.
      batch.frame;
      await yieldToLoop();
      passOf(batch);
      await yieldToLoop();
    }
    const pass = passOf(batch);
    while (!pass.advance()) await yieldToLoop();
    return pass;
  };
  return {
    schema,
    fingerprint: fingerprintOf(schema),
    columns: plan.columns,
    tolerance,
    check(batch, rows) {
      const pass = passOf(batch);
      while (!pass.advance());
      return checkRows(plan, pass, rows, tolerances);
    },
    async checkInTurns(batch, rows) {
      const pass = await readInTurns(batch);
      return checkRowsInTurns(plan, pass, rows, tolerances, yieldToLoop);
    },
    async coerce(batch, rows) {
      const pass = await readInTurns(batch);
      return coerceRows(plan, pass, rows, yieldToLoop);
    },
    records: (columns) => recordMaker.make(columns),
    recordsInTurns: (columns) => recordMaker.makeInTurns(columns, yieldToLoop),
  };
}
