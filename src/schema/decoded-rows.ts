/** Decodes rows one by one; those that are not the format go into a residue of their own. */
import { decodeRecord } from '../codecs/codecs.ts';
import type { Batch, Format } from '../core/batch.ts';
import { InputError } from '../core/errors.ts';
import type { Residue } from '../core/outcome.ts';
import type { Dialect } from './reader.ts';

export type DecodedRecord = Readonly<Record<string, unknown>>;

export function dialectOf(format: Format): Dialect {
  if (format === 'csv') return 'text';
  return format === 'line-protocol' ? 'epoch' : 'typed';
}

export class RowDecoder {
  readonly #batch: Batch;
  readonly #failed: number[] = [];
  #firstWords: string | undefined;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  /** @returns undefined when the row is undecodable; it is then in `residue` */
  decode(row: number): DecodedRecord | undefined {
    try {
      return decodeRecord(this.#batch, row);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#firstWords ??= error.message;
      this.#failed.push(row);
      return undefined;
    }
  }

  get residue(): readonly Residue[] {
    if (this.#failed.length === 0) return [];
    const more = this.#failed.length - 1;
    const detail = `${this.#firstWords}${more > 0 ? `; and ${more} more rows` : ''}`;
    return [{ rows: this.#failed, reason: 'undecodable', detail }];
  }
}
