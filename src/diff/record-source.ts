/** Where the rows of one side of a comparison come from, a part at a time. */
import { decodeRow, framer } from '../codecs/codecs.ts';
import { Batch, type BatchInput, type Format } from '../core/batch.ts';
import type { Cell, Column, Columns } from '../core/columns.ts';
import type { InputError } from '../core/errors.ts';
import { asRecord } from './as-record.ts';
import { typedValue } from './cell-value.ts';
import type { DiffRecord } from './change.ts';
import { decodeExactly, decodeJsonExactly } from './decode-exactly.ts';
import { recordOf } from './diff-columns.ts';
import type { SideTraits } from './rules.ts';
import { Instant } from './typed-value.ts';
import { bytesOfColumns } from './vector-bytes.ts';

/** Some rows that are in memory, in their order: those that fail are among them, so that places are numbers of rows. */
export interface SourcePart {
  readonly rows: number;
  /** About how many bytes it holds. */
  readonly bytes: number;
  /** Set when the rows are columns anyway, all of them. */
  readonly columns?: Columns;
  /** @throws InputError when the row is not the format */
  record(row: number): DiffRecord;
  /** The row as bytes that `restore` of the source takes. */
  encode(row: number): Uint8Array;
}

export interface RecordSource {
  readonly name: string;
  readonly traits: SideTraits;
  /** Whether its parts are columns, but for those with rows that fail. */
  readonly isColumnar: boolean;
  /** Fields that hold instants by their type. */
  readonly timeFields: readonly string[];
  /** Size of the whole source, if it is known; decides how finely rows are spread when they do not fit into memory. */
  readonly bytes: number | undefined;
  /** Read once. */
  parts(): AsyncIterable<SourcePart>;
  restore(bytes: Uint8Array): DiffRecord;
}

const PLACE = { row: 0, offset: 0 };

/** The time of a point counts nanoseconds. */
function withInstant(record: DiffRecord): DiffRecord {
  const time = record['time'];
  return typeof time === 'bigint' ? { ...record, time: new Instant(time) } : record;
}

function restorePoint(bytes: Uint8Array): DiffRecord {
  const batch = new Batch({ body: bytes, format: 'line-protocol' }, 'diff', framer, 0);
  return withInstant(asRecord(decodeRow(batch, 0)));
}

function restoreJson(bytes: Uint8Array): DiffRecord {
  return asRecord(decodeJsonExactly(bytes, PLACE));
}

function partOf(input: BatchInput): SourcePart {
  const batch = new Batch(input, 'diff', framer, 0);
  const isPoint = batch.format === 'line-protocol';
  const record = (row: number): DiffRecord => {
    const found = asRecord(decodeExactly(batch, row));
    return isPoint ? withInstant(found) : found;
  };
  return {
    rows: batch.rowCount,
    bytes: batch.bytes,
    record,
    // A row of csv means nothing without its header.
    encode:
      batch.format === 'csv'
        ? (row) => Buffer.from(JSON.stringify(record(row)))
        : (row) => batch.frame.row(row),
  };
}

/** Rows of batches of one format. */
export function batchSource(
  name: string,
  format: Format,
  batches: AsyncIterable<BatchInput>,
  bytes?: number,
): RecordSource {
  const isCsv = format === 'csv';
  return {
    name,
    bytes,
    isColumnar: false,
    traits: isCsv ? { isTabular: true, isText: true } : {},
    timeFields: format === 'line-protocol' ? ['time'] : [],
    async *parts() {
      for await (const batch of batches) yield partOf(batch);
    },
    restore: format === 'line-protocol' ? restorePoint : restoreJson,
  };
}

function encodeCell(cell: Cell): unknown {
  if (typeof cell === 'bigint') return String(cell);
  if (typeof cell === 'number' && (!Number.isFinite(cell) || Object.is(cell, -0))) return String(cell);
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('base64') : cell;
}

function decodeCell(value: unknown, column: Column): Cell {
  if (value === null || typeof value !== 'string') return value as Cell;
  if (column.type === 'bigint' || column.type === 'timestamp') return BigInt(value);
  if (column.type === 'float' || column.type === 'int') return Number(value);
  return column.type === 'bytes' ? Buffer.from(value, 'base64') : value;
}

/** A row that could not be read. */
export interface RowFault {
  /** Its number in the part. */
  readonly row: number;
  readonly error: InputError;
}

/** Columns of a part whose rows count from 0, and one fault for each row that is not among them. */
export interface ColumnsPart extends Columns {
  readonly faults?: readonly RowFault[];
}

function partOfColumns(part: Columns): SourcePart {
  return {
    rows: part.rows.length,
    bytes: bytesOfColumns(part),
    columns: part,
    record: (row) => recordOf(part, row),
    encode: (row) => Buffer.from(JSON.stringify(part.vectors.map((vector) => encodeCell(vector.at(row))))),
  };
}

/** Rows of which some fail. */
function faultyPart(part: Columns, faults: readonly RowFault[]): SourcePart {
  const { bytes, record, encode } = partOfColumns(part);
  const places = new Map(part.rows.map((row, place) => [row, place]));
  const errors = new Map(faults.map(({ row, error }) => [row, error]));
  const rows = part.rows.length + faults.length;
  const placeOf = (row: number): number => {
    const place = places.get(row);
    if (place !== undefined) return place;
    throw errors.get(row) ?? new RangeError(`row ${row} of ${rows} is neither there nor a fault`);
  };
  return { rows, bytes, record: (row) => record(placeOf(row)), encode: (row) => encode(placeOf(row)) };
}

/** Rows of columns that all have the same layout. */
export function columnsSource(
  name: string,
  columns: readonly Column[],
  parts: AsyncIterable<ColumnsPart>,
  bytes?: number,
): RecordSource {
  return {
    name,
    bytes,
    isColumnar: true,
    traits: { isTabular: true },
    timeFields: columns.filter(({ type }) => type === 'timestamp').map((column) => column.name),
    async *parts() {
      for await (const part of parts) {
        const { faults = [] } = part;
        yield faults.length > 0 ? faultyPart(part, faults) : partOfColumns(part);
      }
    },
    restore(encoded) {
      const cells = JSON.parse(Buffer.from(encoded).toString()) as readonly unknown[];
      const record: Record<string, unknown> = Object.create(null);
      columns.forEach((column, index) => {
        record[column.name] = typedValue(decodeCell(cells[index] ?? null, column), column);
      });
      return record;
    },
  };
}
