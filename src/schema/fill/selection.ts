/** Some rows of a pass, and what became of them. */
import { decodeRow } from '../../codecs/codecs.ts';
import { InputError } from '../../core/errors.ts';
import type { Residue } from '../../core/outcome.ts';
import { type RowSet, rowIndices } from '../../core/row-set.ts';
import type { Pass } from './pass.ts';
import { ROW } from './row-status.ts';

export class Selection {
  readonly #pass: Pass;
  readonly #rows: RowSet;
  readonly #isMeant: Uint8Array | undefined;

  constructor(pass: Pass, rows: RowSet) {
    this.#pass = pass;
    this.#rows = rows;
    if (rows === 'all') return;
    this.#isMeant = new Uint8Array(pass.status.length);
    for (const row of rows) this.#isMeant[row] = 1;
  }

  /**
   * The meant rows that conform, ascending, together with those marked 1 in `alsoLanded`; undefined = simply all of the
   * batch.
   */
  landing(alsoLanded?: Uint8Array): Int32Array | undefined {
    const { status } = this.#pass;
    const isAll = this.#rows === 'all' && !status.includes(ROW.drifted) && !status.includes(ROW.undecodable);
    if (isAll) return undefined;
    const places = new Int32Array(status.length);
    let count = 0;
    for (let place = 0; place < status.length; place += 1) {
      if (this.#isMeant && this.#isMeant[place] === 0) continue;
      const lands =
        status[place] === ROW.conforming ||
        (status[place] === ROW.drifted && alsoLanded !== undefined && alsoLanded[place] === 1);
      if (lands) places[count++] = place;
    }
    return places.subarray(0, count);
  }

  isMeant(row: number): boolean {
    return this.#isMeant === undefined || this.#isMeant[row] === 1;
  }

  /** Index after the last drifted cell of the row that the one at `from` belongs to. */
  endOfRow(from: number): number {
    return this.#pass.drifted.endOfRow(from);
  }

  /** Cells of the rows that are of the format, changed or not: known and unknown ones, but no absent optional ones. */
  countCells(columns: number): number {
    const { status, drifted } = this.#pass;
    let cells = 0;
    for (let place = 0; place < status.length; place += 1) {
      if (status[place] !== ROW.undecodable && this.isMeant(place)) cells += columns;
    }
    this.eachAbsent((_, absent) => {
      cells -= absent;
    });
    for (let index = 0; index < drifted.count; index += 1) {
      if (drifted.isExtra(index) && this.isMeant(drifted.placeOf(index))) cells += 1;
    }
    return cells;
  }

  /** Tells by optional column how many of the rows do not have it, in the order of the columns. */
  eachAbsent(visit: (column: number, cells: number) => void): void {
    const { absent, status } = this.#pass;
    for (const [column, places] of [...absent].sort(([x], [y]) => x - y)) {
      let cells = 0;
      for (let place = 0; place < status.length; place += 1) {
        if (places[place] === 1 && status[place] !== ROW.undecodable && this.isMeant(place)) cells += 1;
      }
      if (cells > 0) visit(column, cells);
    }
  }

  /** The rows that are not the format, with what is wrong with the first. */
  undecodable(): readonly Residue[] {
    const { status, batch } = this.#pass;
    if (!status.includes(ROW.undecodable)) return [];
    const rows = rowIndices(this.#rows, status.length).filter((row) => status[row] === ROW.undecodable);
    const [first] = rows;
    if (first === undefined) return [];
    const more = rows.length - 1;
    const detail = `${whyUndecodable(() => decodeRow(batch, first))}${more > 0 ? `; and ${more} more rows` : ''}`;
    return [{ rows, reason: 'undecodable', detail }];
  }
}

function whyUndecodable(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('a tokenizer refused a row that its codec decodes');
}
