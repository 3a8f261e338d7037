/**
 * Compares what a coercion made of a batch with the batch, and the difference with the loss report.
 *
 * Z1 originals are decoded by their codec and compared by the engine: nothing of the pass that filled the columns is used.
 * Z2 a cell that is not the value of its original has exactly one change, which holds the original and the cell; a rounded
 * one is within the tolerance of its field. Z3 a change stands for a difference. Z4 every name of the original is a column,
 * the source of a change, or stripped. Z5 the loss report counts as many cells of each kind as there are changes.
 */
import { setImmediate } from 'node:timers/promises';
import { decodeRow } from '../codecs/codecs.ts';
import type { Batch } from '../core/batch.ts';
import type { Cell } from '../core/columns.ts';
import type { Schema } from '../schema/arrow.ts';
import { type Change, showValue } from '../schema/change.ts';
import type { Coerced } from '../schema/coerce.ts';
import { dialectOf } from '../schema/dialect-of.ts';
import { isSameCell } from '../schema/explain-cell.ts';
import { planField } from '../schema/field-plan.ts';
import type { FieldPlan } from '../schema/plan.ts';
import type { Dialect } from '../schema/reader.ts';
import { asRecord } from './as-record.ts';
import type { DiffRecord } from './change.ts';
import { CoercedField } from './coerced-field.ts';
import { isSameValue, memberOf } from './compare.ts';
import { decodeExactly } from './decode-exactly.ts';
import { NO_RULE } from './rules.ts';
import { Decimal } from './typed-value.ts';

/** Which landed rows are compared; the loss report is counted in any case. */
export type ValidatedRows = 'all' | 'changed';

export interface CoercionValidator {
  /**
   * What of the batch is not accounted for, in words; undefined when everything is. Lets other work run every few
   * milliseconds; never rejects for data.
   */
  findFault(batch: Batch, coerced: Coerced, rows: ValidatedRows): Promise<string | undefined>;
}

/** Bytes and rows of originals between two turns of the event loop. */
const TURN_BYTES = 64 * 1024;
const TURN_ROWS = 250;
/** What a row counts whose bytes are not known. */
const MADE_BYTES = 200;
const SPELLED = { ...NO_RULE, isSpelled: true };
const NO_CHANGES: readonly Change[] = [];

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal;
}

/** One landed row. */
class RowCheck {
  readonly #fields: readonly CoercedField[];
  readonly #names: ReadonlyMap<string, number>;
  /** By field: its change in this row. */
  readonly #claims: (Change | undefined)[];
  /** By name in the original: how many changes tell of it. */
  readonly #sources = new Map<string, number>();

  constructor(fields: readonly CoercedField[]) {
    this.#fields = fields;
    this.#names = new Map(fields.map(({ name }, index) => [name, index]));
    this.#claims = fields.map(() => undefined);
  }

  findFault(
    original: DiffRecord,
    cellOf: (field: number) => Cell,
    changes: readonly Change[],
    plainOf: (name: string) => unknown,
  ): string | undefined {
    return (
      this.#claim(original, changes) ??
      this.#findLostName(original) ??
      this.#findStrippedFault(original, changes, plainOf) ??
      this.#compare(original, cellOf, plainOf)
    );
  }

  #claim(original: DiffRecord, changes: readonly Change[]): string | undefined {
    this.#claims.fill(undefined);
    this.#sources.clear();
    for (const change of changes) {
      const { column, field, source } = change;
      if (source !== undefined && !Object.hasOwn(original, source))
        return `${field} is in the loss report without an original`;
      if (source !== undefined) this.#sources.set(source, (this.#sources.get(source) ?? 0) + 1);
      if (column < 0) continue;
      if (this.#claims[column]) return `${field} is in the loss report twice`;
      this.#claims[column] = change;
    }
    return undefined;
  }

  /** Of a name that is there several times the codec keeps the last value, whichever was taken. */
  #isOnly({ source }: Change): boolean {
    return source === undefined || this.#sources.get(source) === 1;
  }

  #findLostName(original: DiffRecord): string | undefined {
    for (const name in original) {
      const isKept = this.#names.has(name) || this.#sources.has(name);
      if (!isKept && Object.hasOwn(original, name))
        return `${showValue(name)} is gone without an entry in the loss report`;
    }
    return undefined;
  }

  #findStrippedFault(
    original: DiffRecord,
    changes: readonly Change[],
    plainOf: (name: string) => unknown,
  ): string | undefined {
    for (const change of changes) {
      const { column, field, before } = change;
      if (column >= 0 || this.#names.has(field) || !this.#isOnly(change)) continue;
      if (!isOriginal(before, memberOf(original, field), () => plainOf(field)))
        return `${showValue(field)} was something else than ${showValue(before)}`;
    }
    return undefined;
  }

  #compare(
    original: DiffRecord,
    cellOf: (field: number) => Cell,
    plainOf: (name: string) => unknown,
  ): string | undefined {
    for (let index = 0; index < this.#fields.length; index += 1) {
      const field = this.#fields[index] as CoercedField;
      const claim = this.#claims[index];
      const cell = cellOf(index);
      if (claim) {
        const words =
          findCellFault(field, claim, cell) ??
          (this.#isOnly(claim) ? findOriginFault(field, claim, original, cell, plainOf) : undefined);
        if (words !== undefined) return words;
        continue;
      }
      const before = memberOf(original, field.name);
      if (field.isSame(before, cell) || isRead(field, field.name, before, cell, plainOf)) continue;
      return `${field.name} was ${showValue(before)} and is ${showValue(cell)} without an entry in the loss report`;
    }
    return undefined;
  }
}

/** Nested values and columns that hold no numbers are read with doubles, as the codec gives them. */
function isRead(
  field: CoercedField,
  name: string,
  before: unknown,
  cell: Cell,
  plainOf: (name: string) => unknown,
): boolean {
  const isFlat = typeof before !== 'object' || before === null;
  if (isFlat || before instanceof Decimal) {
    if (field.isRead(before, cell)) return true;
    if (isFlat) return false;
  }
  return field.isRead(plainOf(name), cell);
}

/** Whether a change tells the original that the codec gives, exactly or as a double. */
function isOriginal(claimed: unknown, before: unknown, plain: () => unknown): boolean {
  if (typeof claimed === 'object' && claimed !== null) return true;
  const rule = typeof claimed === 'string' && isNumber(before) ? SPELLED : NO_RULE;
  return isSameValue(claimed, before, rule) || isSameValue(claimed, plain(), NO_RULE);
}

function findCellFault({ name }: CoercedField, { after }: Change, cell: Cell): string | undefined {
  return isSameCell(after ?? null, cell)
    ? undefined
    : `${name} is ${showValue(cell)}, and ${showValue(after)} in the loss report`;
}

function findOriginFault(
  field: CoercedField,
  { source, kind, before: claimed }: Change,
  original: DiffRecord,
  cell: Cell,
  plainOf: (name: string) => unknown,
): string | undefined {
  const { name } = field;
  if (source === undefined)
    return Object.hasOwn(original, name) ? `${name} is in the loss report as absent` : undefined;
  const before = memberOf(original, source);
  if (!isOriginal(claimed, before, () => plainOf(source)))
    return `${name} was ${showValue(before)}, and ${showValue(claimed)} in the loss report`;
  if (kind === 'rounded' && !field.isWithin(before, cell))
    return `${name} was ${showValue(before)} and is ${showValue(cell)}, which is beyond its precision`;
  // Of a number of many digits, which is judged by its text, the spelling may be all that changed.
  if (source !== name || (typeof claimed === 'string' && isNumber(before))) return undefined;
  const isUnchanged = field.isSame(before, cell) && isRead(field, source, before, cell, plainOf);
  return isUnchanged ? `${name} is in the loss report without a change` : undefined;
}

/** Whether the report counts what was changed. */
function findCountFault({ changes, loss }: Coerced): string | undefined {
  const left = new Map<string, number>();
  let cells = 0;
  const count = (kind: string, by: number): void => void left.set(kind, (left.get(kind) ?? 0) + by);
  for (const row of changes) {
    for (const { kind, parts } of row) {
      cells += parts?.length ?? 1;
      if (parts) for (const part of parts) count(part.kind, 1);
      else count(kind, 1);
    }
  }
  if (cells !== loss.cells) return `${cells} cells were changed, the loss report has ${loss.cells}`;
  for (const { kind, count: reported } of loss.entries) count(kind, -reported);
  for (const [kind, difference] of left)
    if (difference !== 0) return `the loss report is ${difference} off in cells that are ${kind}`;
  return undefined;
}

class Validation {
  readonly #batch: Batch;
  readonly #coerced: Coerced;
  readonly #check: RowCheck;
  #place = 0;

  constructor(batch: Batch, coerced: Coerced, fields: readonly CoercedField[]) {
    this.#batch = batch;
    this.#coerced = coerced;
    this.#check = new RowCheck(fields);
  }

  readonly #cellOf = (field: number): Cell => this.#coerced.columns.vectors[field]?.at(this.#place) ?? null;

  async run(rows: ValidatedRows, yieldToLoop: () => Promise<unknown>): Promise<string | undefined> {
    const { columns, degradedRows, changes } = this.#coerced;
    let [next, seen, bytes] = [0, 0, 0];
    for (let place = 0; place < columns.rows.length; place += 1) {
      const row = columns.rows[place] ?? -1;
      const isChanged = degradedRows[next] === row;
      const own = isChanged ? (changes[next] ?? NO_CHANGES) : NO_CHANGES;
      if (isChanged) next += 1;
      if (rows === 'changed' && !isChanged) continue;
      const words = this.#findFault(row, place, own);
      if (words !== undefined) return `row ${row}: ${words}`;
      seen += 1;
      bytes += this.#bytesOf(row);
      if (seen < TURN_ROWS && bytes < TURN_BYTES) continue;
      [seen, bytes] = [0, 0];
      await yieldToLoop();
    }
    if (next < degradedRows.length) return `row ${degradedRows[next]} is in the loss report and does not land`;
    return findCountFault(this.#coerced);
  }

  #bytesOf(row: number): number {
    const { spans } = this.#batch.frame;
    return spans ? (spans.ends[row] ?? 0) - (spans.starts[row] ?? 0) : MADE_BYTES;
  }

  #findFault(row: number, place: number, changes: readonly Change[]): string | undefined {
    this.#place = place;
    let plain: DiffRecord | undefined;
    const plainOf = (name: string): unknown => {
      plain ??= asRecord(decodeRow(this.#batch, row));
      return memberOf(plain, name);
    };
    try {
      const original = asRecord(decodeExactly(this.#batch, row));
      return this.#check.findFault(original, this.#cellOf, changes, plainOf);
    } catch (error) {
      return `cannot be compared: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

/**
 * A validator for batches that are coerced to this schema.
 * @param yieldToLoop lets other work run @default a setImmediate
 */
export function coercionValidator(
  schema: Schema,
  yieldToLoop: () => Promise<unknown> = () => setImmediate(),
): CoercionValidator {
  const plans: readonly FieldPlan[] = schema.fields.map(planField);
  const known = new Map<Dialect, readonly CoercedField[]>();
  const fieldsOf = (batch: Batch): readonly CoercedField[] => {
    const dialect = dialectOf(batch);
    const fields = known.get(dialect) ?? plans.map((plan) => new CoercedField(plan, dialect));
    known.set(dialect, fields);
    return fields;
  };
  return {
    findFault: (batch, coerced, rows) => new Validation(batch, coerced, fieldsOf(batch)).run(rows, yieldToLoop),
  };
}
