/** Columns of text and of JSON text: bytes one after the other, as they stand in the body. */
import { TOKEN } from '../../codecs/tokens.ts';
import type { Cell } from '../../core/columns.ts';
import { textVector, type Vector } from '../../core/vectors.ts';
import { type ColumnStore, NullMarks } from './store.ts';

const BYTES_FIRST = 1024;
/** Shorter runs are copied byte by byte: a call into the runtime costs as much as so many bytes. */
const SHORT_RUN = 64;

/**
 * Which tokens are the cell as they stand: `text`, whatever it looks like in csv; `json`, values that are their own text,
 * which text is not; `none`, because the reader has more to say.
 */
export type TextTokens = 'text' | 'json' | 'none';

const TAKEN: Readonly<Record<TextTokens, readonly number[]>> = {
  text: [TOKEN.text, TOKEN.cell],
  json: [TOKEN.nested, TOKEN.number, TOKEN.true, TOKEN.false],
  none: [],
};

export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > SHORT_RUN) {
    to.set(from.subarray(start, end), at);
    return;
  }
  for (let place = start, write = at; place < end; place += 1, write += 1) to[write] = from[place] as number;
}

/** Without zeroes, which would cost more than the text of a few rows: what is read was written before. */
function newBytes(count: number): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset } = Buffer.allocUnsafe(count);
  return new Uint8Array(buffer, byteOffset, count);
}

export class TextStore implements ColumnStore {
  /** Cell i ends at `offsets[i + 1]`; readable up to the last cell that was filled or skipped. */
  readonly offsets: Int32Array;
  readonly nulls: NullMarks;
  bytes = newBytes(BYTES_FIRST);
  readonly takes: TextTokens;
  readonly #patches = new Map<number, Buffer>();
  #isPatched: Uint8Array | undefined;

  constructor(rows: number, takes: TextTokens) {
    this.offsets = new Int32Array(rows + 1);
    this.nulls = new NullMarks(rows);
    this.takes = takes;
  }

  fill(body: Uint8Array, kind: number, start: number, end: number, index: number): boolean {
    if (!TAKEN[this.takes].includes(kind)) return false;
    const at = this.offsets[index] as number;
    copyBytes(body, start, end, this.bytes, at);
    this.offsets[index + 1] = at + end - start;
    return true;
  }

  refuses(kind: number): boolean {
    return this.takes === 'text' && kind !== TOKEN.text && kind !== TOKEN.escaped;
  }

  put(index: number, cell: Cell): void {
    const text = Buffer.from(String(cell));
    const at = this.offsets[index] as number;
    this.reserve(index, text.length);
    this.bytes.set(text, at);
    this.offsets[index + 1] = at + text.length;
  }

  skip(index: number): void {
    this.offsets[index + 1] = this.offsets[index] as number;
    this.nulls.clear(index);
  }

  unskip(index: number): void {
    this.nulls.restore(index);
  }

  patch(index: number, cell: Cell): void {
    this.#isPatched ??= new Uint8Array(this.offsets.length);
    this.#isPatched[index] = 1;
    this.#patches.set(index, Buffer.from(String(cell)));
    this.nulls.restore(index);
  }

  reserve(filled: number, bytes: number): void {
    const at = this.offsets[filled] as number;
    if (at + bytes <= this.bytes.length) return;
    const larger = newBytes(Math.max(at + bytes, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, at));
    this.bytes = larger;
  }

  vector(count: number, places: Int32Array | undefined): Vector {
    const validity = this.nulls.validity(count, places);
    if (!places && this.#patches.size === 0) {
      const end = this.offsets[count] as number;
      return textVector(this.offsets.subarray(0, count + 1), this.bytes.subarray(0, end), validity);
    }
    return this.#gather(places ?? Int32Array.from({ length: count }, (_, index) => index), validity);
  }

  #gather(places: Int32Array, validity: Uint8Array | undefined): Vector {
    const offsets = this.#measure(places);
    const data = new Uint8Array(offsets[places.length] as number);
    // Cells that stand side by side here and there are copied as one run.
    let runFrom = 0;
    let runTo = 0;
    let write = 0;
    for (let index = 0; index < places.length; index += 1) {
      const place = places[index] as number;
      const isPatched = this.#isPatched !== undefined && this.#isPatched[place] === 1;
      const start = this.offsets[place] as number;
      if (start !== runTo || isPatched) {
        copyBytes(this.bytes, runFrom, runTo, data, write);
        write = offsets[index] as number;
        runFrom = start;
        runTo = start;
      }
      if (isPatched) {
        const patch = this.#patches.get(place) as Buffer;
        data.set(patch, write);
        write += patch.length;
      } else runTo = this.offsets[place + 1] as number;
    }
    copyBytes(this.bytes, runFrom, runTo, data, write);
    return textVector(offsets, data, validity);
  }

  #measure(places: Int32Array): Int32Array {
    const offsets = new Int32Array(places.length + 1);
    let total = 0;
    for (let index = 0; index < places.length; index += 1) {
      const place = places[index] as number;
      total +=
        this.#isPatched !== undefined && this.#isPatched[place] === 1
          ? (this.#patches.get(place) as Buffer).length
          : (this.offsets[place + 1] as number) - (this.offsets[place] as number);
      offsets[index + 1] = total;
    }
    return offsets;
  }
}
