/** Reads a file front to back through a window, so that small neighbouring reads cost one system call. */
import type { OpenFile } from '../core/file-system.ts';

/** Bytes read ahead. */
export const WINDOW_BYTES = 1024 * 1024;

export class WindowReader {
  readonly #file: OpenFile;
  #start = 0;
  // Never written again once it is filled: bodies handed out are views into it.
  #window: Uint8Array = new Uint8Array(0);

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** Up to `length` bytes at `position`; shorter only at the end of the file. */
  async at(position: number, length: number): Promise<Uint8Array> {
    const from = position - this.#start;
    if (from < 0 || from + length > this.#window.length) {
      this.#window = await this.#file.read(position, Math.max(length, WINDOW_BYTES));
      this.#start = position;
      return this.#window.subarray(0, length);
    }
    return this.#window.subarray(from, from + length);
  }
}
