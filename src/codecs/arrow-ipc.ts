/**
 * Arrow IPC, stream and file: rows are the records of all record batches, one after the other.
 *
 * A1 nothing in the bytes is believed before it is checked, so that a body that is cut, changed or made to harm is one row
 * that does not decode. A2 the body is handed on untouched; only when some rows are cut out are they written anew, with
 * the same schema, as a stream.
 */
import type { Column, Columns } from '../core/columns.ts';
import { InputError, TierfallError } from '../core/errors.ts';
import {
  ArrowVector,
  type Data,
  type DataType,
  Footer,
  Message,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  type Schema,
  Struct,
} from './arrow.ts';
import { BodyBudget, buffersOf } from './arrow-body.ts';
import { damaged } from './arrow-fault.ts';
import { loadColumns } from './arrow-load.ts';
import { findMessages, type IpcMessage } from './arrow-messages.ts';
import { takeRows } from './arrow-take.ts';
import { namesOf, type ReadValue, readerOf } from './arrow-values.ts';
import { columnsOf, vectorOf } from './arrow-vectors.ts';
import { type RowFrame, rowError } from './codec.ts';

interface IpcBatch {
  readonly length: number;
  readonly columns: readonly Data[];
}

interface IpcBody {
  readonly schema: Schema;
  readonly batches: readonly IpcBatch[];
}

/** What the library makes of the header of a record batch or dictionary. */
interface BatchHeader {
  readonly length: number;
  readonly nodes: readonly { readonly length: number; readonly nullCount: number }[];
  readonly buffers: readonly { readonly offset: number; readonly length: number }[];
  readonly compression: { readonly type: number } | null;
  readonly variadicBufferCounts: readonly number[];
}

function load(
  types: readonly DataType[],
  header: BatchHeader,
  { body }: IpcMessage,
  dictionaries: ReadonlyMap<number, ArrowVector>,
  budget: BodyBudget,
): Data[] {
  const buffers = buffersOf(body, header.buffers, header.compression?.type, budget);
  const { nodes, variadicBufferCounts: variadicCounts } = header;
  return loadColumns(types, { nodes, buffers, variadicCounts, dictionaries });
}

class BodyReader {
  readonly schema: Schema;
  readonly batches: IpcBatch[] = [];
  readonly #dictionaries = new Map<number, ArrowVector>();

  readonly #budget: BodyBudget;

  constructor(schema: Schema, budget: BodyBudget) {
    this.schema = schema;
    this.#budget = budget;
  }

  add(message: IpcMessage): void {
    const decoded = Message.decode(message.metadata);
    if (decoded.isDictionaryBatch()) {
      const { id, isDelta, data } = decoded.header();
      const type = this.schema.dictionaries.get(id);
      if (!type) throw damaged(`no column has dictionary ${id}`);
      const words = load([type], data, message, this.#dictionaries, this.#budget);
      const before = isDelta ? (this.#dictionaries.get(id)?.data ?? []) : [];
      this.#dictionaries.set(id, new ArrowVector([...before, ...words]));
    } else if (decoded.isRecordBatch()) {
      const header = decoded.header();
      const types = this.schema.fields.map(({ type }) => type);
      const columns = load(types, header, message, this.#dictionaries, this.#budget);
      if (columns.some(({ length }) => length !== header.length))
        throw damaged('columns of a batch differ in length');
      this.#budget.takeRows(header.length);
      if (columns.length === 0 && header.length > 0) throw damaged(`${header.length} rows without a column`);
      this.batches.push({ length: header.length, columns });
    } else throw damaged('a message is neither a dictionary nor a record batch');
  }
}

function schemaOf(metadata: Uint8Array): Schema {
  const message = Message.decode(metadata);
  if (!message.isSchema()) throw damaged('it does not start with a schema');
  return message.header();
}

function readBody(bytes: Uint8Array): IpcBody {
  try {
    const { schema, footer, messages } = findMessages(bytes);
    const { schema: declared } = footer ? Footer.decode(footer) : { schema: schemaOf(schema) };
    const reader = new BodyReader(declared, new BodyBudget(bytes.length));
    for (const message of messages) reader.add(message);
    return reader;
  } catch (error) {
    throw faultOf(error);
  }
}

/** The library expects whole data; what it throws over other data is said of the data. */
function faultOf(error: unknown): TierfallError {
  if (error instanceof TierfallError) return error;
  return damaged(error instanceof Error ? error.message : 'it cannot be read', error);
}

/**
 * One set of columns per record batch, with rows numbered from 0 in each. Memory is shared with `bytes` where the layouts
 * agree: numbers, timestamps, dates and text are not copied.
 *
 * Lists, structs and maps are `json`; times of day are text such as `13:05:09.250`; durations are `bigint`; zstd and LZ4 are
 * unpacked. A second column `x` is called `x_1`, as in CSV.
 * @throws InputError ARROW_DAMAGED; ARROW_UNSUPPORTED for unions, intervals, list views, run-end encoding, big-endian data
 */
export function readArrowIpc(bytes: Uint8Array): readonly Columns[] {
  const { schema, batches } = readBody(bytes);
  try {
    const columns = columnsOf(schema.fields);
    return batches.map((batch) => ({
      columns,
      rows: Array.from({ length: batch.length }, (_, row) => row),
      vectors: batch.columns.map((data, at) => vectorOf(data, columns[at] as Column)),
    }));
  } catch (error) {
    throw faultOf(error);
  }
}

/** Rows of a whole body; `fault` instead of them when it cannot be read, and then the body is the one row. */
class ArrowFrame implements RowFrame {
  readonly spans = undefined;
  readonly #bytes: Uint8Array;
  readonly #body: IpcBody | undefined;
  readonly #fault: InputError | undefined;
  /** Row of the first record of each batch. */
  readonly #starts: number[] = [];
  readonly #readers: (readonly ReadValue[])[] = [];
  #names: readonly string[] = [];
  readonly rowCount: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    let rows = 0;
    try {
      this.#body = readBody(bytes);
      this.#names = namesOf(this.#body.schema.fields);
      for (const { length } of this.#body.batches) {
        this.#starts.push(rows);
        rows += length;
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#fault = error;
      rows = 1;
    }
    this.rowCount = rows;
  }

  /** Records have no bytes of their own: those of all of them. */
  row(index: number): Uint8Array {
    if (!(index >= 0 && index < this.rowCount))
      throw new RangeError(`row ${index} is outside 0..${this.rowCount - 1}`);
    return this.#bytes;
  }

  decode(row: number): unknown {
    if (!this.#body) throw rowError({ row, offset: 0 }, this.#fault?.message ?? 'it cannot be read');
    const { batches } = this.#body;
    const at = this.#batchOf(row);
    const readers = this.#readersOf(at, batches[at]?.columns ?? []);
    const index = row - (this.#starts[at] ?? 0);
    const record: Record<string, unknown> = Object.create(null);
    this.#names.forEach((name, column) => {
      record[name] = this.#read(readers[column], index, row);
    });
    return record;
  }

  #read(read: ReadValue | undefined, index: number, row: number): unknown {
    try {
      return read?.(index) ?? null;
    } catch (error) {
      throw rowError({ row, offset: 0 }, faultOf(error).message);
    }
  }

  #readersOf(at: number, columns: readonly Data[]): readonly ReadValue[] {
    const known = this.#readers[at];
    if (known) return known;
    const readers = columns.map(readerOf);
    this.#readers[at] = readers;
    return readers;
  }

  /** The last batch that starts at or before the row. */
  #batchOf(row: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  extract(rows: readonly number[]): Uint8Array {
    if (!this.#body) return this.#bytes;
    const { schema, batches } = this.#body;
    const type = new Struct(schema.fields);
    const cut: RecordBatch[] = [];
    let at = 0;
    batches.forEach(({ length, columns }, index) => {
      const start = this.#starts[index] ?? 0;
      const first = at;
      while (at < rows.length && (rows[at] ?? 0) < start + length) at += 1;
      if (at === first) return;
      const wanted = Int32Array.from(rows.slice(first, at), (row) => row - start);
      const children = columns.map((data) => takeRows(data, wanted));
      cut.push(new RecordBatch(schema, makeData({ type, length: wanted.length, nullCount: 0, children })));
    });
    const writer = RecordBatchStreamWriter.writeAll(cut);
    return writer.toUint8Array(true);
  }
}

/**
 * Framing of an Arrow IPC body. Never throws: a body that cannot be read is one row, which fails to decode with the reason.
 */
export function frameArrow(bytes: Uint8Array): RowFrame {
  return new ArrowFrame(bytes);
}
