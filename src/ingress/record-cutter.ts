/**
 * Cuts a stream of bytes into slices of whole records, with bounded memory.
 *
 * U1 slices follow each other without a gap and their bytes are the stream's. U2 where a slice ends depends only on the
 * records, never on the chunks, so a read that starts at the end of a slice cuts as the first one did. U3 at most one
 * slice, one record and one chunk are held. U4 everything before a record over the limit is cut first.
 */
import type { RecordScanner } from './record-scanner.ts';

export interface CutLimits {
  /** Records per slice. */
  readonly rowsMax: number;
  /** Bytes per slice; only a record that is larger by itself makes a larger one. */
  readonly bytesMax: number;
  /** Bytes of one record with what is before it. */
  readonly recordBytesMax: number;
}

/** Whole records; offsets count from the first byte pushed. */
export interface Slice {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly rows: number;
}

/** A record over the limit. */
export interface OversizedRecord {
  readonly start: number;
  /** Records before it. */
  readonly index: number;
}

export class RecordCutter {
  readonly #scanner: RecordScanner;
  readonly #limits: CutLimits;
  #held: Uint8Array[] = [];
  /** Offset of the first byte held: the start of the next slice. */
  #start = 0;
  #position = 0;
  #lastEnd = 0;
  #rows = 0;
  #rowsTotal = 0;
  #slices: Slice[] = [];
  #oversized: OversizedRecord | undefined;

  constructor(scanner: RecordScanner, limits: CutLimits) {
    this.#scanner = scanner;
    this.#limits = limits;
  }

  /** Records seen. */
  get rowsTotal(): number {
    return this.#rowsTotal;
  }

  /** Set once a record is over the limit; nothing is cut after that. */
  get oversized(): OversizedRecord | undefined {
    return this.#oversized;
  }

  /** Takes the next bytes. @returns the slices that are complete now */
  push(chunk: Uint8Array): readonly Slice[] {
    this.#held.push(chunk);
    this.#position += chunk.length;
    this.#scanner.scan(chunk, this.#visit);
    const pending = this.#scanner.pendingStart ?? this.#lastEnd;
    if (this.#position - pending > this.#limits.recordBytesMax) this.#refuse(pending);
    return this.#takeSlices();
  }

  /** Ends the stream. @returns the last slices; bytes after the last record belong to the last one */
  finish(): readonly Slice[] {
    this.#scanner.finish(this.#visit);
    if (!this.#oversized) this.#cut(this.#position);
    return this.#takeSlices();
  }

  readonly #visit = (start: number, end: number): void => {
    if (this.#oversized) return;
    if (end - start > this.#limits.recordBytesMax) return this.#refuse(start);
    if (end - this.#start > this.#limits.bytesMax) this.#cut(this.#lastEnd);
    this.#rows += 1;
    this.#rowsTotal += 1;
    this.#lastEnd = end;
    if (this.#rows >= this.#limits.rowsMax) this.#cut(end);
  };

  #refuse(start: number): void {
    if (this.#oversized) return;
    this.#cut(this.#lastEnd);
    this.#oversized = { start, index: this.#rowsTotal };
    this.#held = [];
  }

  #cut(end: number): void {
    if (this.#rows === 0) return;
    this.#slices.push({ bytes: this.#take(end - this.#start), start: this.#start, end, rows: this.#rows });
    this.#start = end;
    this.#rows = 0;
  }

  /** Removes the first `length` bytes held; a slice within one chunk is a view, not a copy. */
  #take(length: number): Uint8Array {
    const [first] = this.#held;
    if (first && first.length >= length) {
      this.#held[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    const all = Buffer.concat(this.#held);
    this.#held = [all.subarray(length)];
    return all.subarray(0, length);
  }

  #takeSlices(): readonly Slice[] {
    const slices = this.#slices;
    this.#slices = [];
    return slices;
  }
}
