/**
 * One pass over the rows of a batch, from bytes to columns. It is made once per batch and schema: the strict check takes
 * the rows that conform, and coercion later takes the drifted cells of the others, without reading a row twice.
 *
 * A1 every row is conforming, drifted or undecodable. A2 the cells of a conforming row are what the readers would give.
 * A3 it stops between rows, so that others get their turn.
 */
import { hasOffsets, tokenizerOf } from '../../codecs/codecs.ts';
import { Tokens } from '../../codecs/tokens.ts';
import { Utf8Check } from '../../codecs/utf8-check.ts';
import type { Batch, Spans } from '../../core/batch.ts';
import type { Columns } from '../../core/columns.ts';
import type { Vector } from '../../core/vectors.ts';
import { dialectOf } from '../dialect-of.ts';
import type { Dialect } from '../reader.ts';
import type { SchemaPlan } from '../schema-plan.ts';
import { Detour } from './detour.ts';
import { type DriftedCell, DriftedCells } from './drifted-cells.ts';
import { exactText, longSpelling } from './exact-number.ts';
import type { FillRows, RowFallback } from './generated-rows.ts';
import type { Layout } from './layout.ts';
import { makeStore } from './make-store.ts';
import { RowFiller } from './row-filler.ts';
import { ROW } from './row-status.ts';
import type { ColumnStore } from './store.ts';

/** Rows between two turns of others, by bytes of body and by drifted cells: fewer at first, while the code is cold. */
const FIRST_TURN_BYTES = 32 * 1024;
const TURN_BYTES = 256 * 1024;
const TURN_CELLS = 1000;
/** Rows whose columns are all copied in about a millisecond. */
const ROWS_AT_ONCE = 8192;
/** What a row counts whose bytes are not known: a usual size of telemetry. */
const MADE_BYTES = 200;

export class Pass {
  readonly batch: Batch;
  readonly drifted = new DriftedCells();
  readonly stores: readonly ColumnStore[];
  /** By row, one of `ROW`. */
  readonly status: Uint8Array;
  /** By optional column that some row lacks, 1 for each such row. */
  readonly absent = new Map<number, Uint8Array>();
  readonly dialect: Dialect;
  readonly #plan: SchemaPlan;
  readonly #spans: Spans;
  readonly #tokenizer: ReturnType<typeof tokenizerOf>;
  readonly #filler: RowFiller;
  readonly #scratch = new Tokens();
  readonly #view: DataView;
  /** Whether its rows may be read by generated code. */
  readonly #isRegular: boolean;
  readonly #fallback: RowFallback & { detour: Detour | undefined };
  readonly #absentOf = (column: number): Uint8Array => {
    const known = this.absent.get(column);
    if (known) return known;
    const marks = new Uint8Array(this.status.length);
    this.absent.set(column, marks);
    return marks;
  };
  #done = 0;
  #turnBytes = FIRST_TURN_BYTES;
  #driftedMax = 0;
  /** Rows of this turn that no generated code took. */
  #filledOneByOne = 0;
  #fillRows: FillRows | undefined;
  /** Whether the next conforming row shows the layout to generate code for. */
  #isLearning: boolean;

  constructor(plan: SchemaPlan, batch: Batch) {
    const rows = batch.frame.rowCount;
    this.batch = batch;
    this.#plan = plan;
    this.#spans = spansOf(batch);
    const dialect = dialectOf(batch);
    this.dialect = dialect;
    this.stores = plan.declared.map((field) => makeStore(field, rows, dialect));
    this.status = new Uint8Array(rows);
    this.#view = new DataView(batch.body.buffer, batch.body.byteOffset, batch.body.byteLength);
    this.#isRegular = batch.format !== 'csv' && hasOffsets(batch);
    this.#isLearning = this.#isRegular;
    this.#tokenizer = tokenizerOf(batch);
    this.#filler = new RowFiller({
      plan,
      body: batch.body,
      tokenizer: this.#tokenizer,
      dialect,
      isTyped: batch.format !== 'csv' && hasOffsets(batch),
      stores: this.stores,
      drifted: this.drifted,
      absentOf: this.#absentOf,
    });
    const utf8 = new Utf8Check(batch.body);
    this.#fallback = {
      isText: (start, end) => utf8.isValid(start, end),
      fillRow: (place) => {
        // The generated code may have come some way into the row.
        for (const store of this.stores) store.unskip(place);
        for (const marks of this.absent.values()) marks[place] = 0;
        this.drifted.forget(place);
        return this.#fillRow(place);
      },
      fillValue: (place, column, at, end) => {
        const before = this.drifted.count;
        const after = this.#filler.fillValue(place, column, at, end);
        if (this.drifted.count > before) this.status[place] = ROW.drifted;
        return after;
      },
      detour: undefined,
    };
  }

  /** Goes on for about a turn. @returns whether all rows are done */
  advance(): boolean {
    const rows = this.status.length;
    const from = this.#done;
    const to = this.#turnEnd(from);
    this.#driftedMax = this.drifted.count + TURN_CELLS;
    this.#filledOneByOne = 0;
    this.#done = this.#fillTo(from, to);
    // Most rows have another layout than the one that was learned.
    if (this.#filledOneByOne * 2 > this.#done - from) this.#isLearning = this.#isRegular;
    return this.#done === rows;
  }

  #turnEnd(from: number): number {
    const { starts, ends } = this.#spans;
    const rows = this.status.length;
    let place = from;
    let bytes = 0;
    while (place < rows && (bytes < this.#turnBytes || place === from)) {
      bytes += (ends[place] as number) - (starts[place] as number);
      place += 1;
    }
    this.#turnBytes = Math.min(this.#turnBytes * 2, TURN_BYTES);
    for (const store of this.stores) store.reserve(from, bytes);
    return place;
  }

  #fillTo(from: number, to: number): number {
    const { starts, ends } = this.#spans;
    let at = from;
    while (at < to && !this.#fillRows) {
      at += 1;
      if (this.#fillRow(at - 1)) return at;
    }
    if (at >= to || !this.#fillRows) return at;
    return this.#fillRows(
      this.stores,
      this.batch.body,
      this.#view,
      starts,
      ends,
      this.#absentOf,
      at,
      to,
      this.#fallback,
    );
  }

  /** @returns whether it is time for a turn of others */
  #fillRow(place: number): boolean {
    const start = this.#spans.starts[place] as number;
    const status = this.#filler.fill(place, start, this.#spans.ends[place] as number);
    this.status[place] = status;
    this.#filledOneByOne += 1;
    if (this.#isLearning && status === ROW.conforming) this.#learn(start);
    return this.drifted.count >= this.#driftedMax;
  }

  #learn(start: number): void {
    this.#isLearning = false;
    this.#fillRows = this.#generate(start) ?? this.#fillRows;
  }

  /** Code for the layout of the row at `start`, the last one that was filled. */
  #generate(start: number): FillRows | undefined {
    const { generated } = this.#plan;
    if (this.batch.format === 'line-protocol') {
      const layout = this.#filler.pointLayout();
      return layout && generated.getPoints(layout, this.stores);
    }
    const layout = this.#filler.layout(start);
    const fillRows = layout && generated.get(layout, this.stores);
    if (fillRows) this.#fallback.detour = this.#detourOf(layout);
    return fillRows;
  }

  #detourOf(layout: Layout): Detour {
    const { batch, stores, drifted, status } = this;
    const { fields, names } = this.#plan;
    const absentOf = this.#absentOf;
    return new Detour({ fields, names, body: batch.body, stores, drifted, status, absentOf }, layout);
  }

  /** The value of a drifted cell, as its codec gives it; undefined when it is missing. */
  valueOf(cell: DriftedCell): unknown {
    return cell.isAbsent ? undefined : this.#tokenizer.value(this.#load(cell), 0);
  }

  /** What a drifted cell is judged by, where its value is not all of it: its own text, in the dialect `text`. */
  textOf(cell: DriftedCell): string | undefined {
    const column = this.#plan.fields[cell.column]?.column;
    return column && exactText(this.batch.body, cell.kind, cell.start, cell.end, column.type);
  }

  /** How a number is written, where its double has lost some of that. */
  spellingOf(cell: DriftedCell): string | undefined {
    return longSpelling(this.batch.body, cell.kind, cell.start, cell.end);
  }

  /** The name that a drifted cell has in the data; undefined when it is missing. */
  nameOf(cell: DriftedCell): string | undefined {
    if (cell.isAbsent) return undefined;
    const column = cell.fault === 'renamed' ? undefined : this.#plan.fields[cell.column]?.column;
    return column ? column.name : this.#tokenizer.name(this.#load(cell), 0);
  }

  /** The field that a drifted cell is counted under: its column's name, or the name in the data. */
  fieldOf(cell: DriftedCell): string {
    return this.#plan.fields[cell.column]?.column.name ?? this.nameOf(cell) ?? '';
  }

  /** The columns of these rows, ascending; undefined = of all. */
  columns(places: Int32Array | undefined): Columns {
    const rows = this.status.length;
    return this.#columnsOf(
      places,
      this.stores.map((store) => store.vector(rows, places)),
    );
  }

  /** The same; of many rows, column by column with turns of others between them. */
  async columnsInTurns(places: Int32Array | undefined, yieldToLoop: () => Promise<unknown>): Promise<Columns> {
    const rows = this.status.length;
    if (rows <= ROWS_AT_ONCE) return this.columns(places);
    const vectors: Vector[] = [];
    for (const store of this.stores) {
      await yieldToLoop();
      vectors.push(store.vector(rows, places));
    }
    return this.#columnsOf(places, vectors);
  }

  #columnsOf(places: Int32Array | undefined, vectors: readonly Vector[]): Columns {
    const rows = new Array<number>(places?.length ?? this.status.length);
    for (let index = 0; index < rows.length; index += 1)
      rows[index] = places ? (places[index] as number) : index;
    return { columns: this.#plan.columns, rows, vectors };
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
