/** Makes records of the points of a body: from tokens where a row is a point, and with the reason where it is none. */
import { asKey, type BareRecord, createBareRecord } from './bare-record.ts';
import { decodeText, type Place } from './codec.ts';
import { readPoint } from './line-protocol-point.ts';
import { lineProtocolTokenizer } from './line-protocol-tokenizer.ts';
import { RowText } from './row-text.ts';
import { Tokens } from './tokens.ts';

class PointReader {
  readonly #rows: RowText;
  readonly #tokenizer: ReturnType<typeof lineProtocolTokenizer>;
  readonly #tokens = new Tokens();
  #layout = -1;
  #names: string[] = [];

  constructor(body: Uint8Array) {
    this.#rows = new RowText(body);
    this.#tokenizer = lineProtocolTokenizer(body);
  }

  read(row: Uint8Array, place: Place): BareRecord {
    const start = this.#rows.startOf(row);
    const isPoint = start >= 0 && this.#tokenizer.tokenize(start, start + row.byteLength, this.#tokens);
    return isPoint ? this.#toRecord() : readPoint(decodeText(row, place), place);
  }

  #toRecord(): BareRecord {
    const tokens = this.#tokens;
    const names = this.#namesOf(tokens);
    const record = createBareRecord();
    for (let index = 0; index < tokens.count; index += 1) {
      record[names[index] ?? ''] = this.#tokenizer.value(tokens, index);
    }
    return record;
  }

  #namesOf(tokens: Tokens): readonly string[] {
    const { layout } = this.#tokenizer;
    if (layout !== this.#layout || this.#names.length < tokens.count) {
      this.#layout = layout;
      this.#names = Array.from({ length: tokens.count }, (_, index) =>
        asKey(this.#tokenizer.name(tokens, index)),
      );
    }
    return this.#names;
  }
}

// What was found out about a body goes away with it.
const readers = new WeakMap<Uint8Array, PointReader>();

/**
 * The point in a row of the body, as `readPoint` gives it.
 * @throws InputError ROW_UNDECODABLE or ROW_NOT_UTF8
 */
export function readPointOf(body: Uint8Array, row: Uint8Array, place: Place): BareRecord {
  let reader = readers.get(body);
  if (!reader) {
    reader = new PointReader(body);
    readers.set(body, reader);
  }
  return reader.read(row, place);
}
