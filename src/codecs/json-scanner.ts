/**
 * Finds where the elements of a JSON body end, chunk by chunk, without building values and without recursion.
 *
 * N1 the state is a few numbers, whatever the nesting and wherever a chunk ends. N2 a `[` between elements opens
 * the array unless one is open or a comma was seen, in which case it starts an element: slices of an array
 * of arrays keep their elements as long as a slice starts at the comma. N3 whitespace, commas and brackets between
 * elements belong to none; every other byte belongs to exactly one element. N4 a comma or bracket that cannot stand behind
 * the one before it is an element of its own, which no decoder takes. What is right is told by what stands between two
 * elements alone, so that a scanner which starts behind any element finds the same ones.
 */
import { BOM, type Visit } from './codec.ts';
import { ValueSkipper } from './json-value-skipper.ts';

const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;

/** `bare` is a number, a word, or garbage: it ends where something else starts. */
type State = 'between' | 'bare' | 'value';

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

function endsBare(byte: number | undefined): boolean {
  return (
    isSpace(byte) ||
    byte === COMMA ||
    byte === CLOSE_BRACKET ||
    byte === OPEN_BRACKET ||
    byte === OPEN_BRACE ||
    byte === QUOTE
  );
}

export class JsonScanner {
  #state: State = 'between';
  #offset = 0;
  #markBytes = 0;
  #start = -1;
  readonly #value = new ValueSkipper();
  #inArray = false;
  /** The last comma or bracket since an element, 0 = none, and where it is. */
  #separator = 0;
  #separatorAt = 0;

  /** Absolute offset where the unfinished element starts, or undefined between elements. */
  get pendingStart(): number | undefined {
    return this.#start < 0 ? undefined : this.#start;
  }

  /** @returns the absolute end offset (exclusive) of each element completed by this chunk, ascending */
  push(chunk: Uint8Array): number[] {
    const ends: number[] = [];
    this.scan(chunk, (_start, end) => ends.push(end));
    return ends;
  }

  /** Like `push`, but tells start and end and allocates nothing. */
  scan(chunk: Uint8Array, visit: Visit): void {
    let at = this.#offset < BOM.length ? this.#skipMark(chunk) : 0;
    while (at < chunk.length) {
      if (this.#state === 'between') at = this.#skipBetween(chunk, at, visit);
      else if (this.#state === 'bare') at = this.#skipBare(chunk, at, visit);
      else at = this.#skipValue(chunk, at, visit);
    }
    this.#offset += chunk.length;
  }

  /**
   * Ends the input. An element in progress is told as it is: a bare number at the end is complete, anything
   * else fails to decode, and so nothing is lost. So is a bracket that opens an array of which nothing is there.
   * @returns the end offset of that last element, or undefined when there was none; calling twice is safe
   */
  finish(visit?: Visit): number | undefined {
    if (this.#start >= 0) {
      this.#complete(this.#offset, visit);
      return this.#offset;
    }
    if (this.#separator !== OPEN_BRACKET) return undefined;
    this.#separator = 0;
    visit?.(this.#separatorAt, this.#separatorAt + 1);
    return this.#separatorAt + 1;
  }

  /** A byte order mark at the start may come in pieces: it counts as garbage until its third byte. */
  #skipMark(chunk: Uint8Array): number {
    if (this.#markBytes < this.#offset) return 0;
    let at = 0;
    while (at < chunk.length && this.#markBytes < BOM.length && chunk[at] === BOM[this.#markBytes]) {
      at += 1;
      this.#markBytes += 1;
      const whole = this.#markBytes === BOM.length;
      this.#state = whole ? 'between' : 'bare';
      this.#start = whole ? -1 : 0;
    }
    return at;
  }

  #skipBetween(chunk: Uint8Array, from: number, visit: Visit): number {
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at];
      if (byte === COMMA) this.#takeComma(this.#offset + at, visit);
      else if (byte === CLOSE_BRACKET) this.#closeArray(this.#offset + at, visit);
      else if (byte === OPEN_BRACKET && !this.#inArray) this.#openArray(this.#offset + at);
      else if (!isSpace(byte)) {
        const opens = byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === QUOTE;
        this.#state = opens ? 'value' : 'bare';
        this.#value.begin();
        this.#start = this.#offset + at;
        return at;
      }
      at += 1;
    }
    return at;
  }

  #openArray(position: number): void {
    this.#inArray = true;
    this.#separator = OPEN_BRACKET;
    this.#separatorAt = position;
  }

  #takeComma(position: number, visit: Visit): void {
    if (this.#separator === OPEN_BRACKET || this.#separator === CLOSE_BRACKET)
      return this.#tellStray(position, visit);
    if (this.#separator === COMMA) visit(this.#separatorAt, this.#separatorAt + 1);
    this.#inArray = true;
    this.#separator = COMMA;
    this.#separatorAt = position;
  }

  #closeArray(position: number, visit: Visit): void {
    if (this.#separator === CLOSE_BRACKET) return this.#tellStray(position, visit);
    if (this.#separator === COMMA) visit(this.#separatorAt, this.#separatorAt + 1);
    this.#inArray = false;
    this.#separator = CLOSE_BRACKET;
  }

  /** What follows is scanned as at the start of a slice. */
  #tellStray(position: number, visit: Visit): void {
    this.#inArray = false;
    this.#separator = 0;
    visit(position, position + 1);
  }

  #skipBare(chunk: Uint8Array, from: number, visit: Visit): number {
    let at = from;
    while (at < chunk.length && !endsBare(chunk[at])) at += 1;
    if (at < chunk.length) this.#complete(this.#offset + at, visit);
    return at;
  }

  #skipValue(chunk: Uint8Array, from: number, visit: Visit): number {
    const at = this.#value.skip(chunk, from);
    if (this.#value.isDone) this.#complete(this.#offset + at, visit);
    return at;
  }

  #complete(end: number, visit: Visit | undefined): void {
    const start = this.#start;
    this.#state = 'between';
    this.#start = -1;
    this.#separator = 0;
    visit?.(start, end);
  }
}
