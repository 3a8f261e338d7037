/**
 * JSON whose records are the elements of an array within a document: `{"meta":…,"data":{"items":[…]}}`. Where, is said by
 * the batch attribute `json-path`, a JSON Pointer.
 *
 * A value at the path that is no array is one record. Documents may follow each other, and each is looked into. A document in
 * which the path leads nowhere is one record, all of its bytes, that does not decode.
 */
import { decodeText, guardBom, type RowFrame, rowError } from './codec.ts';
import { JsonPathScanner, type VisitElement } from './json-path-scanner.ts';
import { type Pointer, parsePointer } from './json-pointer.ts';
import { parseJson } from './json-text.ts';

/** The attribute that says where in a JSON body its records are. */
export const JSON_PATH_ATTRIBUTE = 'json-path';

const OPEN_ARRAY = '[';
const SEPARATOR = Buffer.from(',\n');
const NEWLINE = Buffer.from('\n');

class JsonPathFrame implements RowFrame {
  /** Rows that are lost on the way to the path are told by `decode` alone. */
  readonly spans = undefined;
  readonly #body: Uint8Array;
  readonly #text: string;
  readonly #pointer: Pointer;
  readonly #fault: string | undefined;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #lost = new Set<number>();
  readonly #strays = new Set<number>();
  /** Whether nothing may be put behind the last row. */
  readonly #isCut: boolean;

  constructor(body: Uint8Array, text: string) {
    const pointer = parsePointer(text);
    this.#body = body;
    this.#text = text;
    this.#pointer = typeof pointer === 'string' ? [] : pointer;
    this.#fault = typeof pointer === 'string' ? pointer : undefined;
    const visit: VisitElement = (start, end, kind) => {
      if (kind === 'lost') this.#lost.add(this.#starts.length);
      if (kind === 'stray') this.#strays.add(this.#starts.length);
      this.#starts.push(start);
      this.#ends.push(end);
    };
    this.#isCut = scanRows(body, pointer, visit);
  }

  get rowCount(): number {
    return this.#starts.length;
  }

  row(index: number): Uint8Array {
    const start = this.#starts[index];
    if (start === undefined) throw new RangeError(`row ${index} is outside 0..${this.rowCount - 1}`);
    return this.#body.subarray(start, this.#ends[index]);
  }

  decode(row: number): unknown {
    const bytes = this.row(row);
    const place = { row, offset: bytes.byteOffset - this.#body.byteOffset };
    if (this.#fault !== undefined) throw rowError(place, this.#fault);
    if (this.#lost.has(row)) throw rowError(place, `there is nothing at ${this.#text}`);
    return parseJson(decodeText(bytes, place), place);
  }

  /**
   * Runs of elements are put into a document of their own, and so is each stray comma: behind an element it would be none. Lost
   * documents stay as they are.
   */
  extract(rows: readonly number[]): Uint8Array {
    if (this.#fault !== undefined) return this.#body;
    const head = Buffer.from(
      `${this.#pointer.map(({ name }) => `{${JSON.stringify(name)}:`).join('')}${OPEN_ARRAY}`,
    );
    const tail = Buffer.from(`]${'}'.repeat(this.#pointer.length)}`);
    const parts: Uint8Array[] = [];
    let isOpen = false;
    rows.forEach((row, index) => {
      const isLost = this.#lost.has(row);
      const isRun = isOpen && !isLost && !this.#strays.has(row) && !this.#strays.has(rows[index - 1] ?? -1);
      if (isOpen && !isRun) parts.push(tail);
      if (index > 0) parts.push(isRun ? SEPARATOR : NEWLINE);
      if (!isRun && !isLost) parts.push(head);
      isOpen = !isLost;
      const bytes = this.row(row);
      if (index === 0 && isLost) parts.push(guardBom(bytes));
      parts.push(bytes);
    });
    const isLastCut = this.#isCut && rows.at(-1) === this.rowCount - 1;
    if (isOpen && !isLastCut) parts.push(tail);
    return Buffer.concat(parts);
  }
}

/** @returns whether nothing may be put behind the last row */
function scanRows(body: Uint8Array, pointer: Pointer | string, visit: VisitElement): boolean {
  if (typeof pointer === 'string') {
    visit(0, body.length, 'lost');
    return true;
  }
  const scanner = new JsonPathScanner(pointer);
  scanner.scan(body, visit);
  return scanner.finish(visit);
}

/** @param text a JSON Pointer that is not empty; what is none makes the body one row that does not decode */
export function frameJsonPath(body: Uint8Array, text: string): RowFrame {
  return new JsonPathFrame(body, text);
}

/** Rows of such a body, without building a frame. */
export function countJsonPath(body: Uint8Array, text: string): number {
  let rows = 0;
  scanRows(body, parsePointer(text), () => {
    rows += 1;
  });
  return rows;
}
