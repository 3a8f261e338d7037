/** From rows of a batch to what a sink is handed: decoded as it wants them, with stable keys. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { decodeRecord } from '../codecs/codecs.ts';
import type { Batch } from '../core/batch.ts';
import type { Columns } from '../core/columns.ts';
import { SinkError } from '../core/errors.ts';
import type { Residue } from '../core/outcome.ts';
import { type RowSet, rowIndices } from '../core/row-set.ts';
import type { CompiledSchema } from '../schema/compile-schema.ts';
import { recordKeys } from '../schema/record-keys.ts';
import type { Sink, SinkRecord, WriteRequest } from '../sinks/sink.ts';
import type { Work } from './tier.ts';

type Payload = Pick<WriteRequest, 'rows' | 'columns' | 'records'>;

/** The rows a sink can be given, and those that cannot even be prepared. */
export interface Prepared {
  readonly payload: Payload;
  readonly residue: readonly Residue[];
}

/** Read in about a millisecond. */
const BYTES_AT_ONCE = 256 * 1024;

const NOTHING_LEFT: readonly Residue[] = Object.freeze([]);

/** A request whose costly parts (keys, signal, attempt id) are made when the sink first asks. */
export class SinkRequest implements WriteRequest {
  readonly batch: Batch;
  readonly rows: RowSet;
  readonly columns: Columns | undefined;
  readonly records: readonly SinkRecord[] | undefined;
  readonly mode: WriteRequest['mode'];
  readonly #work: Work;
  readonly #signal: AbortSignal | undefined;
  #keys: readonly string[] | undefined = undefined;
  #attemptId: string | undefined = undefined;

  constructor(work: Work, payload: Payload, signal?: AbortSignal, mode: WriteRequest['mode'] = 'insert') {
    this.batch = work.batch;
    this.rows = payload.rows;
    this.columns = payload.columns;
    this.records = payload.records;
    this.mode = mode;
    this.#work = work;
    this.#signal = signal;
  }

  get keys(): readonly string[] {
    this.#keys ??= recordKeys(this.columns, this.batch, this.rows);
    return this.#keys;
  }

  get attemptId(): string {
    this.#attemptId ??= this.#work.attemptId;
    return this.#attemptId;
  }

  get signal(): AbortSignal {
    return this.#signal ?? this.#work.signal;
  }
}

/**
 * Strict preparation: with a schema only conforming rows pass, without one only decodable rows. A promise only for bodies
 * that would keep everybody else from running for long.
 */
export function prepareStrictly(
  batch: Batch,
  rows: RowSet,
  sink: Sink,
  schema: CompiledSchema | undefined,
): Prepared | Promise<Prepared> {
  if (schema) {
    if (batch.bytes > BYTES_AT_ONCE) return checkInTurns(batch, rows, sink, schema);
    const { columns, residue } = schema.check(batch, rows);
    const records = sink.accepts === 'records' ? schema.records(columns) : undefined;
    return { payload: { rows: passed(rows, columns, residue), columns, records }, residue };
  }
  if (sink.accepts === 'bytes') {
    return { payload: { rows, columns: undefined, records: undefined }, residue: NOTHING_LEFT };
  }
  if (sink.accepts === 'columns') {
    throw new SinkError('crashed', `${sink.name} wants columns, and the tier has no schema`, {
      hint: 'Give the tier a schema, or use a sink that accepts records or bytes.',
      retryable: false,
    });
  }
  return batch.bytes > BYTES_AT_ONCE ? decodeInTurns(batch, rows) : decodeAll(batch, rows);
}

async function checkInTurns(batch: Batch, rows: RowSet, sink: Sink, schema: CompiledSchema): Promise<Prepared> {
  const { columns, residue } = await schema.checkInTurns(batch, rows);
  const records = sink.accepts === 'records' ? await schema.recordsInTurns(columns) : undefined;
  return { payload: { rows: passed(rows, columns, residue), columns, records }, residue };
}

function passed(rows: RowSet, columns: Columns, residue: readonly Residue[]): RowSet {
  return residue.length === 0 ? rows : columns.rows;
}

/** What the sink is handed of coerced columns. */
export async function coercedPayload(columns: Columns, sink: Sink, schema: CompiledSchema): Promise<Payload> {
  const records = sink.accepts === 'records' ? await schema.recordsInTurns(columns) : undefined;
  return { rows: columns.rows, columns, records };
}

/** Rows that `payload` holds. */
export function hasRows(payload: Payload, batch: Batch): boolean {
  return payload.rows === 'all' ? batch.rowCount > 0 : payload.rows.length > 0;
}

/** Rows of a batch as records, in order; it may be stopped between any two rows. */
class Decoding {
  readonly #batch: Batch;
  readonly #rows: RowSet;
  readonly #decoded: number[] = [];
  readonly #records: SinkRecord[] = [];
  readonly #residue: Residue[] = [];

  constructor(batch: Batch, rows: RowSet) {
    this.#batch = batch;
    this.#rows = rows;
  }

  decode(indices: readonly number[], from: number, to: number): void {
    for (let at = from; at < to; at += 1) {
      const row = indices[at] as number;
      try {
        this.#records.push(decodeRecord(this.#batch, row));
        this.#decoded.push(row);
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        this.#residue.push({ rows: [row], reason: 'undecodable', detail });
      }
    }
  }

  get prepared(): Prepared {
    const rows = this.#residue.length === 0 ? this.#rows : this.#decoded;
    return { payload: { rows, columns: undefined, records: this.#records }, residue: this.#residue };
  }
}

function decodeAll(batch: Batch, rows: RowSet): Prepared {
  const decoding = new Decoding(batch, rows);
  const indices = rowIndices(rows, batch.rowCount);
  decoding.decode(indices, 0, indices.length);
  return decoding.prepared;
}

async function decodeInTurns(batch: Batch, rows: RowSet): Promise<Prepared> {
  const decoding = new Decoding(batch, rows);
  const indices = rowIndices(rows, batch.rowCount);
  const rowsAtOnce = Math.max(1, Math.floor((BYTES_AT_ONCE / batch.bytes) * batch.rowCount));
  for (let from = 0; from < indices.length; from += rowsAtOnce) {
    await nextTurn();
    decoding.decode(indices, from, Math.min(from + rowsAtOnce, indices.length));
  }
  return decoding.prepared;
}
