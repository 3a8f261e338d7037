/**
 * Holds parsed records against a schema and writes down what differs: a mask finds the records that do, and only their
 * mismatched fields are looked at again.
 *
 * T1 a cell is mismatched exactly when the strict check refuses it. T2 a conforming record costs its mask and nothing else,
 * but for optional fields that are absent.
 */

import { RECORD_NAMES_MAX } from '../field-names.ts';
import { type Dialect, Fault } from '../reader.ts';
import type { PlannedFields } from '../schema-plan.ts';
import { DriftBook, driftKindOf, NO_COLUMN } from './drift-book.ts';
import type { DriftKind, DriftReport } from './drift-report.ts';
import { ownValue } from './own-value.ts';
import {
  compileMask,
  countKnown,
  type MaskOptions,
  type ParsedRecord,
  type RecordMask,
} from './record-mask.ts';
import { Renames } from './renames.ts';

/** A value that is no object is the field `value` of a record, as when rows are decoded. */
export function asRecord(value: unknown): ParsedRecord {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isObject && !(value instanceof Uint8Array)) return value as ParsedRecord;
  return Object.assign(Object.create(null), { value });
}

export class DriftDetector {
  readonly #plan: PlannedFields;
  readonly #dialect: Dialect;
  readonly #mask: RecordMask;
  readonly #words: Int32Array;
  readonly #optional: readonly number[];
  readonly #renames: Renames;
  readonly #book: DriftBook;
  #extras = 0;

  constructor(plan: PlannedFields, options: MaskOptions = {}) {
    this.#plan = plan;
    this.#dialect = options.dialect ?? 'typed';
    this.#mask = compileMask(plan, options);
    this.#words = new Int32Array(this.#mask.wordCount);
    this.#optional = plan.fields.flatMap((field, column) => (field.optional ? [column] : []));
    this.#renames = new Renames(plan.names);
    this.#book = new DriftBook(plan.columnNames);
  }

  /**
   * Holds one parsed value against the schema; `row` is where samples say it is, and `others` how many more fields it
   * has that the schema does not know. @returns cells looked at
   */
  add(value: unknown, row: number, others = 0): number {
    const record = asRecord(value);
    const extrasBefore = this.#extras;
    this.#book.look(1);
    const isDrifted = this.#mask.test(record, this.#words) !== 0;
    const renamed = isDrifted && this.#isSet(0) ? this.#addExtras(record, row) : undefined;
    for (const column of this.#optional) {
      if (!renamed?.has(column) && this.#valueOf(record, column) === undefined) this.#book.addAbsent(column);
    }
    if (isDrifted) this.#addMismatches(record, row, renamed);
    if (others > 0) this.#book.addOthers(others);
    return this.#plan.fields.length + this.#extras - extrasBefore;
  }

  /** Rows that could not be read as records. */
  skip(rows: number): void {
    this.#book.skip(rows);
  }

  report(): DriftReport {
    return this.#book.report();
  }

  #isSet(bit: number): boolean {
    return (((this.#words[bit >> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  #valueOf(record: ParsedRecord, column: number): unknown {
    return ownValue(record, this.#plan.columnNames[column] ?? '');
  }

  /** Notes the fields that the schema does not know. @returns those that stand for a field, by column */
  #addExtras(record: ParsedRecord, row: number): ReadonlyMap<number, string> | undefined {
    const all = Object.keys(record);
    const extras: string[] = [];
    let looked = 0;
    for (; looked < all.length && extras.length < RECORD_NAMES_MAX; looked += 1) {
      const name = all[looked] as string;
      if (this.#plan.names.exact(name) === undefined) extras.push(name);
    }
    const others = all.length - countKnown(record, this.#plan) - extras.length;
    this.#extras += extras.length + others;
    if (others > 0) this.#book.addOthers(others);
    const isAbsent = (column: number): boolean => this.#valueOf(record, column) === undefined;
    const renamed = this.#renames.find(extras, isAbsent);
    const sources = new Set(renamed?.values());
    for (const name of extras) {
      if (!sources.has(name)) this.#book.add(NO_COLUMN, name, 'extra', row, record[name]);
    }
    return renamed;
  }

  #addMismatches(record: ParsedRecord, row: number, renamed: ReadonlyMap<number, string> | undefined): void {
    // An optional field under another name is no mismatch for the mask, so these are added first.
    for (const [column, source] of renamed ?? []) {
      this.#book.add(column, this.#plan.columnNames[column] ?? '', 'renamed', row, source);
    }
    for (let word = 0; word < this.#words.length; word += 1) {
      let bits = this.#words[word] ?? 0;
      if (word === 0) bits &= ~1;
      while (bits !== 0) {
        const column = word * 32 + 31 - Math.clz32(bits & -bits) - 1;
        bits &= bits - 1;
        if (!renamed?.has(column)) this.#addMismatch(column, this.#valueOf(record, column), row);
      }
    }
  }

  #addMismatch(column: number, value: unknown, row: number): void {
    const name = this.#plan.columnNames[column] ?? '';
    const fault = this.#faultOf(column, value);
    if (typeof fault === 'string') this.#book.add(column, name, fault, row, value);
    else this.#book.add(column, name + fault.path, driftKindOf(fault.kind), row, value);
  }

  #faultOf(column: number, value: unknown): DriftKind | Fault {
    if (value === undefined) return 'missing';
    if (value === null) return 'null';
    const cell = this.#plan.fields[column]?.reader.read(value, this.#dialect);
    return cell instanceof Fault ? cell : 'type';
  }
}
