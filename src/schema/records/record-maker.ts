/** Columns as one object per row, for sinks that take records. */
import type { Cell, Column, Columns } from '../../core/columns.ts';
import type { Vector } from '../../core/vectors.ts';
import { type CellRecord, isolate } from './cell-record.ts';
import { type BindColumns, generateRecords, type MakeRecords } from './generated-records.ts';
import { TextCursor } from './text-cursor.ts';

/** The size of generated code grows with the columns. */
const COLUMNS_MAX = 256;
/** Kinds of vectors differ by where the columns come from; more variants than this are none that repeat. */
const VARIANTS_MAX = 8;
/** Made in about a millisecond, together with as many cells. */
const CELLS_AT_ONCE = 32 * 1024;

class Row {}
isolate(Row);

/** The way without generated code: names that are set one by one. */
function bindByName(columns: readonly Column[], vectors: readonly Vector[]): MakeRecords {
  const cells = vectors.map((vector) => (vector.kind === 'text' ? new TextCursor(vector) : vector));
  return (records, from, to) => {
    for (let place = from; place < to; place += 1) {
      const record = new Row() as Record<string, Cell>;
      for (let index = 0; index < columns.length; index += 1) {
        record[(columns[index] as Column).name] = cells[index]?.at(place) ?? null;
      }
      records[place] = record;
    }
  };
}

/** Makes the records of one schema. */
export class RecordMaker {
  readonly #allowed: boolean;
  /** By the kinds of the vectors. */
  readonly #variants = new Map<string, BindColumns | undefined>();

  /** @param allowed whether code may be generated */
  constructor(allowed: boolean) {
    this.#allowed = allowed;
  }

  /** All records at once: `records[i]` is of row `rows[i]` of the columns. */
  make(columns: Columns): readonly CellRecord[] {
    const { length } = columns.rows;
    const records = new Array<CellRecord>(length);
    this.#bind(columns)(records, 0, length);
    return records;
  }

  /** The same with turns of others about every millisecond. */
  async makeInTurns(columns: Columns, yieldToLoop: () => Promise<unknown>): Promise<readonly CellRecord[]> {
    const { length } = columns.rows;
    const atOnce = Math.max(1, Math.ceil(CELLS_AT_ONCE / columns.columns.length));
    const records = new Array<CellRecord>(length);
    const make = this.#bind(columns);
    for (let from = 0; from < length; from += atOnce) {
      if (from > 0) await yieldToLoop();
      make(records, from, Math.min(from + atOnce, length));
    }
    return records;
  }

  #bind({ columns, vectors }: Columns): MakeRecords {
    return this.#variantOf(columns, vectors)?.(vectors) ?? bindByName(columns, vectors);
  }

  #variantOf(columns: readonly Column[], vectors: readonly Vector[]): BindColumns | undefined {
    const id = vectors.map(({ kind }) => kind).join();
    const known = this.#variants.get(id);
    if (known || !this.#allowed || columns.length > COLUMNS_MAX) return known;
    if (this.#variants.has(id) || this.#variants.size >= VARIANTS_MAX) return undefined;
    const made = generateRecords(columns, vectors);
    this.#variants.set(id, made);
    return made;
  }
}
