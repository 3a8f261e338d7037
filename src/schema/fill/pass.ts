/**
 * One pass over the rows of a batch, from bytes to columns. It is made once per batch and schema: the strict check takes
 * the rows that conform, and coercion later takes the drifted cells of the others, without reading a row twice.
 *
 * A1 every row is conforming, drifted or undecodable. A2 the cells of a conforming row are what the readers would give.
 * A3 it stops between rows, so that others get their turn.
 */
import { hasOffsets, tokenizerOf } from '../../codecs/codecs.ts';
import { Tokens } from '../../codecs/tokens.ts';
import type { Batch, Spans } from '../../core/batch.ts';
import type { Columns } from '../../core/columns.ts';
import { dialectOf } from '../dialect-of.ts';
import type { SchemaPlan } from '../schema-plan.ts';
import { type DriftedCell, DriftedCells } from './drifted-cells.ts';
import { makeStore } from './make-store.ts';
import { ROW, RowFiller } from './row-filler.ts';
import type { ColumnStore } from './store.ts';

/** Rows between two looks at the clock of the event loop, by bytes of body and by drifted cells. */
const TURN_BYTES = 256 * 1024;
const TURN_CELLS = 1000;
/** What a row counts whose bytes are not known: a usual size of telemetry. */
const MADE_BYTES = 200;

export class Pass {
  readonly batch: Batch;
  readonly drifted = new DriftedCells();
  readonly stores: readonly ColumnStore[];
  /** By row, one of `ROW`. */
  readonly status: Uint8Array;
  /** By row, the cells that were looked at. */
  readonly cellsLooked: Int32Array;
  readonly #plan: SchemaPlan;
  readonly #spans: Spans;
  readonly #tokenizer: ReturnType<typeof tokenizerOf>;
  readonly #filler: RowFiller;
  readonly #scratch = new Tokens();
  #done = 0;

  constructor(plan: SchemaPlan, batch: Batch) {
    const rows = batch.frame.rowCount;
    this.batch = batch;
    this.#plan = plan;
    this.#spans = spansOf(batch);
    this.stores = plan.declared.map((field) => makeStore(field, rows));
    this.status = new Uint8Array(rows);
    this.cellsLooked = new Int32Array(rows);
    this.#tokenizer = tokenizerOf(batch);
    this.#filler = new RowFiller({
      plan,
      body: batch.body,
      tokenizer: this.#tokenizer,
      dialect: dialectOf(batch.format),
      stores: this.stores,
      drifted: this.drifted,
    });
  }

  /** Goes on for about a turn. @returns whether all rows are done */
  advance(): boolean {
    const { starts, ends } = this.#spans;
    const rows = this.status.length;
    const driftedMax = this.drifted.count + TURN_CELLS;
    const from = this.#done;
    let place = from;
    let bytes = 0;
    while (place < rows && (bytes < TURN_BYTES || place === from)) {
      bytes += (ends[place] as number) - (starts[place] as number);
      place += 1;
    }
    for (const store of this.stores) store.reserve(from, bytes);
    let at = from;
    while (at < place && this.drifted.count < driftedMax) {
      this.status[at] = this.#filler.fill(at, starts[at] as number, ends[at] as number);
      this.cellsLooked[at] = this.status[at] === ROW.undecodable ? 0 : this.#filler.cellsLooked;
      at += 1;
    }
    this.#done = at;
    return at === rows;
  }

  /** The value of a drifted cell, as its codec gives it; undefined when it is missing. */
  valueOf(cell: DriftedCell): unknown {
    return cell.fault === 'missing' ? undefined : this.#tokenizer.value(this.#load(cell), 0);
  }

  /** The name that a drifted cell has in the data; undefined when it is missing. */
  nameOf(cell: DriftedCell): string | undefined {
    return cell.fault === 'missing' ? undefined : this.#tokenizer.name(this.#load(cell), 0);
  }

  /** The field that a drifted cell is counted under: its column's name, or the name in the data. */
  fieldOf(cell: DriftedCell): string {
    return this.#plan.fields[cell.column]?.column.name ?? this.nameOf(cell) ?? '';
  }

  /** The columns of these rows, ascending; undefined = of all. */
  columns(places: Int32Array | undefined): Columns {
    const rows = this.status.length;
    return {
      columns: this.#plan.fields.map(({ column }) => column),
      rows: places ? Array.from(places) : Array.from({ length: rows }, (_, row) => row),
      vectors: this.stores.map((store) => store.vector(rows, places)),
    };
  }

  #load({ keyStart, keyEnd, kind, start, end }: DriftedCell): Tokens {
    this.#scratch.count = 0;
    this.#scratch.add(keyStart, keyEnd, kind, start, end);
    return this.#scratch;
  }
}

/** Offsets of the rows, or their indices where the tokenizer goes by those. */
function spansOf(batch: Batch): Spans {
  if (batch.frame.spans && hasOffsets(batch)) return batch.frame.spans;
  const indices = Int32Array.from({ length: batch.rowCount }, (_, row) => row);
  return { starts: indices, ends: indices.map((row) => row + MADE_BYTES) };
}
