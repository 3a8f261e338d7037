/** Some rows of a pass, and what became of them. */
import { decodeRow } from '../../codecs/codecs.ts';
import { InputError } from '../../core/errors.ts';
import type { Residue } from '../../core/outcome.ts';
import { type RowSet, rowIndices } from '../../core/row-set.ts';
import type { DriftedCell } from './drifted-cells.ts';
import type { Pass } from './pass.ts';
import { ROW } from './row-filler.ts';

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

  /** The meant rows that conform, ascending, together with those of `alsoLanded`; undefined = simply all of the batch. */
  landing(alsoLanded?: ReadonlySet<number>): Int32Array | undefined {
    const { status } = this.#pass;
    const isAll = this.#rows === 'all' && !status.includes(ROW.drifted) && !status.includes(ROW.undecodable);
    if (isAll) return undefined;
    const places = new Int32Array(status.length);
    let count = 0;
    for (let place = 0; place < status.length; place += 1) {
      if (this.#isMeant && this.#isMeant[place] === 0) continue;
      const lands =
        status[place] === ROW.conforming || (status[place] === ROW.drifted && alsoLanded?.has(place));
      if (lands) places[count++] = place;
    }
    return places.subarray(0, count);
  }

  /** Cells looked at, changed or not, over the rows that are of the format. */
  countCells(): number {
    const { cellsLooked } = this.#pass;
    let cells = 0;
    for (let place = 0; place < cellsLooked.length; place += 1) {
      if (!this.#isMeant || this.#isMeant[place] === 1) cells += cellsLooked[place] as number;
    }
    return cells;
  }

  /** The drifted cells row by row. */
  *driftedRows(): Generator<{ readonly row: number; readonly cells: readonly DriftedCell[] }> {
    const { drifted } = this.#pass;
    for (let index = 0; index < drifted.count; ) {
      const row = drifted.placeOf(index);
      const first = index;
      while (index < drifted.count && drifted.placeOf(index) === row) index += 1;
      if (this.#isMeant && this.#isMeant[row] === 0) continue;
      yield { row, cells: Array.from({ length: index - first }, (_, at) => drifted.at(first + at)) };
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
