/** Text of the rows of a body, cheaper than a decoder of its own for each of them. */
import { decodeText, type Place } from './codec.ts';
import { Utf8Check } from './utf8-check.ts';

/** Made for one body. */
export class RowText {
  readonly #body: Uint8Array;
  readonly #buffer: Buffer;
  readonly #utf8: Utf8Check;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    this.#utf8 = new Utf8Check(body);
  }

  /** Where the row starts in the body; -1 when it is no part of it. */
  startOf(row: Uint8Array): number {
    const start = row.byteOffset - this.#body.byteOffset;
    const isPart = row.buffer === this.#body.buffer && start + row.byteLength <= this.#body.byteLength;
    return isPart && start >= 0 ? start : -1;
  }

  /** @throws InputError ROW_NOT_UTF8 */
  decode(row: Uint8Array, place: Place): string {
    const start = this.startOf(row);
    const end = start + row.byteLength;
    return start >= 0 && this.#utf8.isValid(start, end)
      ? this.#buffer.toString('utf8', start, end)
      : decodeText(row, place);
  }
}
