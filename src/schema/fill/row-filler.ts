/**
 * Fills the cells of one row from its tokens, in whatever order they come: the complete way, which every row can take.
 *
 * F1 after a row every column is filled or skipped at its place. F2 every token is in a cell that conforms or among the
 * drifted cells, and every column without a token is null by right or `missing`: nothing is dropped unseen. F3 of equal
 * names the last one counts, as in JSON.parse; the others are `duplicate`.
 */
import { addValue } from '../../codecs/json-tokenizer.ts';
import { TOKEN, TOKEN_STRIDE, type Tokenizer, Tokens } from '../../codecs/tokens.ts';
import type { Cell, ColumnType } from '../../core/columns.ts';
import { RECORD_NAMES_MAX } from '../field-names.ts';
import { type Dialect, Fault } from '../reader.ts';
import type { SchemaPlan } from '../schema-plan.ts';
import type { DriftedCells } from './drifted-cells.ts';
import { exactText } from './exact-number.ts';
import { type Layout, learnLayout } from './layout.ts';
import { learnPoint, type PointLayout } from './point-layout.ts';
import { ROW } from './row-status.ts';
import type { ColumnStore } from './store.ts';

const NO_COLUMN = -1;
const NO_TOKEN = -1;

export interface RowFillerParts {
  readonly plan: SchemaPlan;
  readonly body: Uint8Array;
  readonly tokenizer: Tokenizer;
  readonly dialect: Dialect;
  /** Whether the kind of a token is the type of its value. */
  readonly isTyped: boolean;
  readonly stores: readonly ColumnStore[];
  readonly drifted: DriftedCells;
  /** Where it is marked by row that an optional column is absent. */
  absentOf(column: number): Uint8Array;
}

export class RowFiller {
  readonly #parts: RowFillerParts;
  readonly #tokens = new Tokens();
  readonly #keys: readonly Uint8Array[];
  /** Column by header place, for formats whose tokens have no name of their own. */
  readonly #byPlace = new Map<number, number>();
  /** The column that came after column c the last time, at c + 1. */
  readonly #next: Int32Array;
  /** Token of the row by column. */
  readonly #tokenOf: Int32Array;
  #unknown: number[] = [];
  #hasDuplicates = false;
  /** Of the row whose tokens were located last, if that holds for other rows of the layout. */
  #locatedLayout: number | undefined;
  #locatedCount = -1;

  constructor(parts: RowFillerParts) {
    this.#parts = parts;
    const { fields } = parts.plan;
    this.#keys = fields.map(({ column }) => new TextEncoder().encode(column.name));
    this.#next = new Int32Array(fields.length + 1).fill(NO_COLUMN);
    this.#tokenOf = new Int32Array(fields.length);
  }

  /** @returns one of `ROW` */
  fill(place: number, start: number, end: number): number {
    const { tokenizer, drifted, stores } = this.#parts;
    const driftedBefore = drifted.count;
    if (!tokenizer.tokenize(start, end, this.#tokens)) {
      for (const store of stores) store.skip(place);
      return ROW.undecodable;
    }
    this.#locate();
    if (this.#hasDuplicates) this.#tellDuplicates(place);
    if (this.#unknown.length > 0 && this.#tokenOf.includes(NO_TOKEN)) this.#takeRenamed(place);
    for (let column = 0; column < stores.length; column += 1) {
      const token = this.#tokenOf[column] as number;
      if (token === NO_TOKEN) this.#fillAbsent(place, column);
      else if (token >= 0) this.#fillCell(place, column, token * TOKEN_STRIDE, token);
    }
    for (const token of this.#unknown) {
      drifted.add(place, NO_COLUMN, 'unknown', this.#tokens.data, token * TOKEN_STRIDE);
    }
    return drifted.count > driftedBefore ? ROW.drifted : ROW.conforming;
  }

  /** How the last row, which conformed, was written; undefined when not in a regular way. */
  layout(start: number): Layout | undefined {
    const columns = this.#columnsOfTokens();
    return columns && learnLayout(this.#parts.body, this.#tokens, columns, start);
  }

  /** The same of a point. */
  pointLayout(): PointLayout | undefined {
    const columns = this.#columnsOfTokens();
    return columns && learnPoint(this.#parts.body, this.#tokens, columns);
  }

  /** Column by token of the last row; undefined when some token has none. */
  #columnsOfTokens(): readonly number[] | undefined {
    const columnOf = new Int32Array(this.#tokens.count).fill(NO_COLUMN);
    this.#tokenOf.forEach((token, column) => {
      if (token >= 0) columnOf[token] = column;
    });
    return columnOf.includes(NO_COLUMN) ? undefined : Array.from(columnOf);
  }

  /** Fills one cell from the JSON value at `at`, or tells that it drifted. @returns the offset after it; -1: no value */
  fillValue(place: number, column: number, at: number, end: number): number {
    this.#tokens.count = 0;
    const after = addValue(this.#parts.body, at, end, 0, 0, this.#tokens);
    if (after >= 0) this.#fillCell(place, column, 0, 0);
    return after;
  }

  /** Finds the column of every token. */
  #locate(): void {
    const { data, count } = this.#tokens;
    const { layout } = this.#parts.tokenizer;
    if (layout !== undefined && layout === this.#locatedLayout && count === this.#locatedCount) return;
    this.#tokenOf.fill(NO_TOKEN);
    if (this.#unknown.length > 0) this.#unknown = [];
    this.#hasDuplicates = false;
    let previous = NO_COLUMN;
    for (let token = 0; token < count; token += 1) {
      const at = token * TOKEN_STRIDE;
      const column = this.#columnOf(token, data[at] as number, data[at + 1] as number, previous);
      if (column === NO_COLUMN) this.#unknown.push(token);
      else {
        if (this.#tokenOf[column] !== NO_TOKEN) this.#hasDuplicates = true;
        this.#tokenOf[column] = token;
        previous = column;
      }
    }
    // What is told of unknown and of equal names changes what was located.
    const isKept = this.#unknown.length === 0 && !this.#hasDuplicates;
    this.#locatedLayout = isKept ? layout : undefined;
    this.#locatedCount = count;
  }

  #columnOf(token: number, keyStart: number, keyEnd: number, previous: number): number {
    if (keyStart < 0) return this.#columnOfPlace(token, keyEnd);
    const predicted = this.#next[previous + 1] as number;
    if (predicted >= 0 && this.#isKey(predicted, keyStart, keyEnd)) return predicted;
    const column = this.#columnOfName(token);
    if (column >= 0) this.#next[previous + 1] = column;
    return column;
  }

  #isKey(column: number, start: number, end: number): boolean {
    const key = this.#keys[column] as Uint8Array;
    if (key.length !== end - start) return false;
    const { body } = this.#parts;
    for (let index = 0; index < key.length; index += 1) {
      if (key[index] !== body[start + index]) return false;
    }
    return true;
  }

  #columnOfPlace(token: number, place: number): number {
    // Members of made records have no fixed place: their names are asked for each time.
    if (this.#tokens.data[token * TOKEN_STRIDE + 2] === 0) return this.#columnOfName(token);
    let column = this.#byPlace.get(place);
    if (column === undefined) {
      column = this.#columnOfName(token);
      this.#byPlace.set(place, column);
    }
    return column;
  }

  #columnOfName(token: number): number {
    const { plan, tokenizer } = this.#parts;
    return plan.names.exact(tokenizer.name(this.#tokens, token)) ?? NO_COLUMN;
  }

  /** Values that a later one of the same name replaces; the last ones are judged as drifted, for the row is. */
  #tellDuplicates(place: number): void {
    const { drifted } = this.#parts;
    const { data, count } = this.#tokens;
    const last = this.#tokenOf.slice();
    const isDoubled = new Uint8Array(last.length);
    let previous = NO_COLUMN;
    for (let token = 0; token < count; token += 1) {
      const at = token * TOKEN_STRIDE;
      const column = this.#columnOf(token, data[at] as number, data[at + 1] as number, previous);
      if (column === NO_COLUMN) continue;
      previous = column;
      if (last[column] === token) continue;
      isDoubled[column] = 1;
      drifted.add(place, NO_COLUMN, 'duplicate', data, at);
    }
    for (let column = 0; column < last.length; column += 1) {
      if (isDoubled[column] === 0) continue;
      // Filled and then told as well would be simpler, but only drifted cells are looked at by coercion.
      this.#fillCell(place, column, (last[column] as number) * TOKEN_STRIDE, last[column] as number);
      this.#tokenOf[column] = FILLED;
    }
  }

  /** Unknown names that mean a column which is otherwise absent are `renamed`; the others stay unknown. */
  #takeRenamed(place: number): void {
    const { plan, tokenizer, drifted } = this.#parts;
    const { data } = this.#tokens;
    const names = this.#unknown.slice(0, RECORD_NAMES_MAX).map((token) => tokenizer.name(this.#tokens, token));
    const known = plan.fields.flatMap(({ column }, index) =>
      this.#tokenOf[index] === NO_TOKEN ? [] : [column.name],
    );
    const renamed = new Set<number>();
    plan.names.match([...known, ...names]).names.forEach((name, column) => {
      const index = name === undefined || this.#tokenOf[column] !== NO_TOKEN ? -1 : names.indexOf(name);
      if (index < 0) return;
      const token = this.#unknown[index] as number;
      renamed.add(token);
      this.#parts.stores[column]?.skip(place);
      this.#tokenOf[column] = FILLED;
      drifted.add(place, column, 'renamed', data, token * TOKEN_STRIDE);
    });
    this.#unknown = this.#unknown.filter((token) => !renamed.has(token));
  }

  #fillAbsent(place: number, column: number): void {
    const { plan, stores, drifted } = this.#parts;
    stores[column]?.skip(place);
    if (plan.fields[column]?.optional) this.#parts.absentOf(column)[place] = 1;
    else drifted.add(place, column, 'missing', undefined, 0);
  }

  #fillCell(place: number, column: number, at: number, token: number): void {
    const { data } = this.#tokens;
    const store = this.#parts.stores[column] as ColumnStore;
    const kind = data[at + 2] as number;
    if (kind !== TOKEN.null) {
      if (store.fill(this.#parts.body, kind, data[at + 3] as number, data[at + 4] as number, place)) return;
      if (!this.#parts.isTyped || !store.refuses(kind)) this.#askReader(place, column, at, token);
      else {
        store.skip(place);
        this.#parts.drifted.add(place, column, 'type', data, at);
      }
      return;
    }
    store.skip(place);
    if (!this.#parts.plan.fields[column]?.takesNull) this.#parts.drifted.add(place, column, 'null', data, at);
  }

  #exactText(kind: number, at: number, type: ColumnType): string | undefined {
    const { data } = this.#tokens;
    return exactText(this.#parts.body, kind, data[at + 3] as number, data[at + 4] as number, type);
  }

  #askReader(place: number, column: number, at: number, token: number): void {
    const { plan, stores, tokenizer, dialect, drifted } = this.#parts;
    const field = plan.fields[column];
    const store = stores[column] as ColumnStore;
    const { data } = this.#tokens;
    const text = field && this.#exactText(data[at + 2] as number, at, field.column.type);
    const cell =
      text === undefined
        ? readValue(tokenizer.value(this.#tokens, token), field, dialect)
        : readValue(text, field, 'text');
    if (cell instanceof Fault) {
      store.skip(place);
      drifted.add(place, column, cell.kind, this.#tokens.data, at);
    } else if (cell === null) store.skip(place);
    else store.put(place, cell);
  }
}

/** In the place of a token: the column was seen to already. */
const FILLED = -2;

const NULL_FAULT = new Fault('null');

function readValue(
  value: unknown,
  field: SchemaPlan['fields'][number] | undefined,
  dialect: Dialect,
): Cell | Fault {
  if (!field) return NULL_FAULT;
  if (value === null || value === undefined) return field.takesNull ? null : NULL_FAULT;
  return field.reader.read(value, dialect);
}
