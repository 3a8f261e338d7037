/**
 * What generated code asks when a row has another name than the next one of its layout: a field is absent, or there is
 * one that the schema does not know. Rows with names in another order, written twice or with escapes are left to the
 * complete way, and so are unknown names where a column is absent, for they may be that column's.
 *
 * O1 after a detour the row stands as the complete way would have left it.
 */
import { findQuote } from '../../codecs/json-skip.ts';
import { addValue } from '../../codecs/json-tokenizer.ts';
import { TOKEN_STRIDE, Tokens } from '../../codecs/tokens.ts';
import type { FieldNames } from '../field-names.ts';
import type { FieldPlan } from '../plan.ts';
import type { DriftedCells } from './drifted-cells.ts';
import type { Layout } from './layout.ts';
import { ROW } from './row-status.ts';
import type { ColumnStore } from './store.ts';

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

const NO_COLUMN = -1;

export interface DetourParts {
  readonly fields: readonly FieldPlan[];
  readonly names: FieldNames;
  readonly body: Uint8Array;
  readonly stores: readonly ColumnStore[];
  readonly drifted: DriftedCells;
  /** By row, one of `ROW`. */
  readonly status: Uint8Array;
  /** Where it is marked by row that an optional column is absent. */
  absentOf(column: number): Uint8Array;
}

export class Detour {
  /** Where the value starts that `find` has found, or the closing brace. */
  at = 0;
  readonly #parts: DetourParts;
  readonly #layout: Layout;
  readonly #names: readonly Uint8Array[];
  readonly #lacksColumns: boolean;
  readonly #unknown = new Tokens();
  #place = -1;
  #hasAbsent = false;

  constructor(parts: DetourParts, layout: Layout) {
    const { fields } = parts;
    this.#parts = parts;
    this.#layout = layout;
    this.#names = layout.order.map((column) => Buffer.from(fields[column]?.column.name ?? ''));
    this.#lacksColumns = layout.order.length < fields.length;
  }

  /**
   * Goes on in row `place` at offset `from`, before the name that is not the one of member `position`.
   * @returns the position of the member whose value is at `at`; the number of members when the row ends there; -1 when
   *   the row is to be read from its start the complete way
   */
  find(place: number, position: number, from: number, end: number): number {
    if (place !== this.#place) {
      this.#place = place;
      this.#unknown.count = 0;
      this.#hasAbsent = false;
    }
    const { body } = this.#parts;
    let at = from;
    for (;;) {
      if (body[at] === CLOSE_BRACE) return this.#arrive(position, this.#names.length, at);
      const start = this.#nameStart(at);
      const quote = start < 0 ? -1 : findQuote(body, start, end);
      const value = quote < 0 ? -1 : this.#valueStart(quote);
      if (value < 0) return -1;
      const found = this.#positionOf(start, quote);
      if (found >= position) return this.#arrive(position, found, value);
      if (found >= 0 || (this.#lacksColumns && this.#isColumn(start, quote))) return -1;
      at = addValue(body, value, end, start, quote, this.#unknown);
      if (at < 0) return -1;
    }
  }

  /**
   * Tells what the detours of row `place` were.
   * @returns false when it is to be read from its start the complete way
   */
  finish(place: number): boolean {
    const { count, data } = this.#unknown;
    if (count > 0 && (this.#hasAbsent || this.#lacksColumns)) return false;
    if (count > 0) this.#parts.status[place] = ROW.drifted;
    for (let index = 0; index < count; index += 1) {
      this.#parts.drifted.add(place, NO_COLUMN, 'unknown', data, index * TOKEN_STRIDE);
    }
    return true;
  }

  #arrive(from: number, to: number, at: number): number {
    for (let position = from; position < to; position += 1) this.#skip(this.#layout.order[position] as number);
    this.at = at;
    return to;
  }

  #skip(column: number): void {
    const { fields, stores, drifted, status } = this.#parts;
    this.#hasAbsent = true;
    stores[column]?.skip(this.#place);
    if (fields[column]?.optional) this.#parts.absentOf(column)[this.#place] = 1;
    else {
      drifted.add(this.#place, column, 'missing', undefined, 0);
      status[this.#place] = ROW.drifted;
    }
  }

  /** After the opening quote of the name; -1 when what is at `at` is written in another way than the layout. */
  #nameStart(at: number): number {
    const { body } = this.#parts;
    if (body[at] === OPEN_BRACE) return body[at + 1] === QUOTE ? at + 2 : -1;
    if (body[at] !== COMMA) return -1;
    const quote = this.#skipSpaces(at + 1, this.#layout.afterComma);
    return quote >= 0 && body[quote] === QUOTE ? quote + 1 : -1;
  }

  /** Of the name that ends before `quote`. */
  #valueStart(quote: number): number {
    return this.#parts.body[quote + 1] === COLON ? this.#skipSpaces(quote + 2, this.#layout.afterColon) : -1;
  }

  #skipSpaces(from: number, count: number): number {
    for (let at = from; at < from + count; at += 1) if (this.#parts.body[at] !== SPACE) return -1;
    return from + count;
  }

  #positionOf(start: number, end: number): number {
    for (let position = 0; position < this.#names.length; position += 1) {
      if (this.#isName(this.#names[position] as Uint8Array, start, end)) return position;
    }
    return -1;
  }

  #isName(name: Uint8Array, start: number, end: number): boolean {
    if (name.length !== end - start) return false;
    const { body } = this.#parts;
    for (let index = 0; index < name.length; index += 1) if (name[index] !== body[start + index]) return false;
    return true;
  }

  #isColumn(start: number, end: number): boolean {
    const { body, names } = this.#parts;
    const name = Buffer.from(body.buffer, body.byteOffset + start, end - start).toString();
    return names.exact(name) !== undefined;
  }
}
