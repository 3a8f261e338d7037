/**
 * Finds the elements of an array within JSON documents, chunk by chunk, without building values and without recursion.
 *
 * W1 the state is a few numbers and the names on the path, whatever the nesting and wherever a chunk ends. W2 what is on
 * the path is walked as often as it is there: of a name that an object has twice both values count, for dropping the
 * first, as `JSON.parse` does, would lose records. W3 a document in which the path leads nowhere is told whole, as lost.
 * W4 within the array everything belongs to an element but whitespace and commas. A comma that cannot stand behind what is
 * before it is told, as stray; one that is missing is not.
 */
import { BOM } from './codec.ts';
import type { Pointer, PointerToken } from './json-pointer.ts';
import { ValueSkipper } from './json-value-skipper.ts';

/** What a range of bytes is: an element, a comma without a place, or a whole document in which the path leads nowhere. */
export type ElementKind = 'element' | 'stray' | 'lost';

/** Told the half-open byte range of each of them, in order. */
export type VisitElement = (start: number, end: number, kind: ElementKind) => void;

type State = 'between' | 'key' | 'bare' | 'value';

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
/** A character of a name may be spelled as `\uXXXX`. */
const ESCAPE_BYTES = 6;

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

function opens(byte: number): boolean {
  return byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === QUOTE;
}

/** An object or array on the path. */
interface Level {
  readonly isArray: boolean;
  index: number;
}

export class JsonPathScanner {
  readonly #pointer: Pointer;
  #state: State = 'between';
  #offset = 0;
  #markBytes = 0;
  /** Containers on the path that are open, from the outside in; the target array is not among them. */
  readonly #levels: Level[] = [];
  #inTarget = false;
  /** Whether the array has just begun, so that an element or its end follows. */
  #isFresh = false;
  /** Where the comma is that no element has followed yet, or -1. */
  #comma = -1;
  /** Where the comma is that is to be told, or -1. */
  #stray = -1;
  #documentStart = -1;
  #isFound = false;
  #start = -1;
  /** Whether the value in progress is an element. */
  #isElement = false;
  readonly #value = new ValueSkipper();
  /** Whether the byte of a key before escapes the next one. */
  #escaped = false;
  #expectsKey = false;
  #keyMatches = false;
  /** Whether the colon behind that key was seen. */
  #afterColon = false;
  #key: number[] = [];
  #keyBytesMax = 0;

  /** @param pointer not empty: of the whole document the elements are found by `JsonScanner` */
  constructor(pointer: Pointer) {
    this.#pointer = pointer;
  }

  /** Absolute offset where the unfinished element starts, or undefined when no element is in progress. */
  get pendingStart(): number | undefined {
    return this.#isElement && this.#start >= 0 ? this.#start : undefined;
  }

  scan(chunk: Uint8Array, visit: VisitElement): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'between') at = this.#skipBetween(chunk, at);
      else if (this.#state === 'value') at = this.#skipValue(chunk, at);
      else if (this.#state === 'key') at = this.#readKey(chunk, at);
      else at = this.#skipBare(chunk, at);
      // Told here, so that the hot loops need no function.
      if (this.#state === 'between' && this.#documentStart >= 0) this.#settle(this.#offset + at, visit);
    }
    this.#offset += chunk.length;
  }

  /**
   * Ends the input. An element in progress is told as it is; so is a document in which nothing was found.
   * @returns whether that last one was cut within a value, so that bytes put behind it would become part of it
   */
  finish(visit: VisitElement): boolean {
    const isCut = this.#documentStart >= 0 && (this.#state !== 'bare' || this.#levels.length > 0);
    const isTold = this.pendingStart !== undefined;
    if (this.pendingStart !== undefined) visit(this.#start, this.#offset, 'element');
    else if (this.#documentStart >= 0 && !this.#isFound) visit(this.#documentStart, this.#offset, 'lost');
    else if (this.#markBytes > 0 && this.#markBytes < BOM.length && this.#markBytes === this.#offset)
      visit(0, this.#offset, 'lost');
    const isOpen = isTold ? this.#state === 'value' : isCut && !this.#isFound;
    this.#documentStart = -1;
    this.#start = -1;
    this.#isElement = false;
    this.#levels.length = 0;
    this.#inTarget = false;
    this.#comma = -1;
    this.#state = 'between';
    return isOpen;
  }

  /** A value or container has just ended at `end`. */
  #settle(end: number, visit: VisitElement): void {
    if (this.#stray >= 0) {
      visit(this.#stray, this.#stray + 1, 'stray');
      this.#stray = -1;
    }
    if (this.#start >= 0) {
      if (this.#isElement) visit(this.#start, end, 'element');
      this.#start = -1;
      this.#isElement = false;
    }
    if (this.#levels.length > 0 || this.#inTarget) return;
    if (!this.#isFound) visit(this.#documentStart, end, 'lost');
    this.#documentStart = -1;
  }

  #skipBetween(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      const position = this.#offset + at;
      if (this.#documentStart < 0) {
        if (position < BOM.length && position === this.#markBytes && byte === BOM[position])
          this.#markBytes += 1;
        else if (!isSpace(byte)) return this.#startDocument(byte, position, at);
        // A mark that is not whole is the start of something else.
        else if (this.#isMarkBroken()) return this.#startDocument(byte, position, at);
      } else if (this.#inTarget) {
        if (byte === CLOSE_BRACKET) return this.#leaveTarget(at);
        if (byte === COMMA) {
          this.#takeComma(position);
          if (this.#stray >= 0) return at + 1;
        } else if (!isSpace(byte)) return this.#startValue(byte, position, at, true);
      } else if (!isSpace(byte)) return this.#stepContainer(byte, position, at);
    }
    return chunk.length;
  }

  /** The comma at the end of the array has no element behind it. */
  #leaveTarget(at: number): number {
    this.#stray = this.#comma;
    this.#comma = -1;
    this.#inTarget = false;
    this.#leaveValue();
    return at + 1;
  }

  #takeComma(position: number): void {
    this.#stray = this.#isFresh ? position : this.#comma;
    this.#comma = this.#isFresh ? -1 : position;
    this.#isFresh = false;
  }

  #isMarkBroken(): boolean {
    return this.#markBytes > 0 && this.#markBytes < BOM.length;
  }

  #startDocument(byte: number, position: number, at: number): number {
    const hasBrokenMark = this.#isMarkBroken();
    this.#markBytes = BOM.length;
    this.#isFound = false;
    if (hasBrokenMark) {
      this.#documentStart = 0;
      this.#start = 0;
      this.#state = 'bare';
      return at;
    }
    this.#documentStart = position;
    return this.#startOnPath(byte, position, at);
  }

  /** One byte between the members or elements of a container on the path. @returns where to go on */
  #stepContainer(byte: number, position: number, at: number): number {
    const level = this.#levels.at(-1) as Level;
    if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      this.#levels.pop();
      this.#leaveValue();
      return at + 1;
    }
    if (byte === COMMA) {
      level.index += 1;
      this.#expectsKey = !level.isArray;
      this.#leaveValue(this.#expectsKey);
      return at + 1;
    }
    if (byte === COLON) {
      this.#afterColon = true;
      return at + 1;
    }
    if (byte === QUOTE && this.#expectsKey && !level.isArray) return this.#startKey(at);
    const token = this.#pointer[this.#levels.length - 1] as PointerToken;
    const isOnPath = level.isArray ? level.index === token.index : this.#keyMatches && this.#afterColon;
    return isOnPath ? this.#startOnPath(byte, position, at) : this.#startValue(byte, position, at, false);
  }

  /** What was said of the member that is over is forgotten. */
  #leaveValue(expectsKey = false): void {
    this.#expectsKey = expectsKey;
    this.#keyMatches = false;
    this.#afterColon = false;
  }

  /** A value that the path leads to or through. */
  #startOnPath(byte: number, position: number, at: number): number {
    const isTarget = this.#levels.length === this.#pointer.length;
    if (isTarget) this.#isFound = true;
    if (isTarget && byte === OPEN_BRACKET) {
      this.#inTarget = true;
      this.#isFresh = true;
      return at + 1;
    }
    if (isTarget || (byte !== OPEN_BRACE && byte !== OPEN_BRACKET)) {
      return this.#startValue(byte, position, at, isTarget);
    }
    this.#levels.push({ isArray: byte === OPEN_BRACKET, index: 0 });
    this.#leaveValue(byte === OPEN_BRACE);
    return at + 1;
  }

  #startValue(byte: number, position: number, at: number, isElement: boolean): number {
    this.#state = opens(byte) ? 'value' : 'bare';
    this.#value.begin();
    this.#isFresh = false;
    this.#comma = -1;
    this.#start = position;
    this.#isElement = isElement;
    return at;
  }

  #startKey(at: number): number {
    const token = this.#pointer[this.#levels.length - 1] as PointerToken;
    this.#state = 'key';
    this.#key.length = 0;
    this.#keyBytesMax = token.name.length * ESCAPE_BYTES;
    this.#escaped = false;
    return at + 1;
  }

  #readKey(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) {
        const token = this.#pointer[this.#levels.length - 1] as PointerToken;
        this.#keyMatches = isName(this.#key, token);
        this.#expectsKey = false;
        this.#state = 'between';
        return at + 1;
      }
      // One more than fits is enough to know that it is another name.
      if (this.#key.length <= this.#keyBytesMax) this.#key.push(byte);
    }
    return chunk.length;
  }

  #skipBare(chunk: Uint8Array, from: number): number {
    // Within an object of the path a number may end at its brace; in the array a brace is garbage, and a part of it.
    const endsAtBrace = this.#levels.length > 0 && !this.#inTarget;
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at] as number;
      const isEnd =
        isSpace(byte) ||
        byte === COMMA ||
        byte === CLOSE_BRACKET ||
        opens(byte) ||
        (endsAtBrace && byte === CLOSE_BRACE);
      // What starts with a byte that ends others is at least that byte.
      if (isEnd && this.#offset + at > this.#start) {
        this.#state = 'between';
        return at;
      }
      at += 1;
    }
    return at;
  }

  #skipValue(chunk: Uint8Array, from: number): number {
    const at = this.#value.skip(chunk, from);
    if (this.#value.isDone) this.#state = 'between';
    return at;
  }
}

/** Whether the bytes of a key, as they stand between its quotes, spell the name. */
function isName(key: readonly number[], { name, nameBytes }: PointerToken): boolean {
  if (!key.includes(BACKSLASH))
    return key.length === nameBytes.length && key.every((byte, at) => byte === nameBytes[at]);
  try {
    return JSON.parse(`"${Buffer.from(key).toString('utf8')}"`) === name;
  } catch {
    return false;
  }
}
