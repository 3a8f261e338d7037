/** Write requests built by hand, so that a sink can be tested without a chain. */
import { Batch, type Framer } from '../core/batch.ts';
import type { Cell, Column } from '../core/columns.ts';
import type { RowSet } from '../core/row-set.ts';
import { cellsOf, cellVector } from '../core/vectors.ts';
import type { SinkRecord, WriteRequest } from '../sinks/sink.ts';

export interface WriteRequestParts {
  readonly columns: readonly Column[];
  /** One array of cells per row, in the order of `columns`. */
  readonly cells: readonly (readonly Cell[])[];
  /** One per row of `cells`. @default the batch's own row keys */
  readonly keys?: readonly string[];
  /** Rows of the batch to write; the request then holds only these. @default 'all' */
  readonly rows?: RowSet;
  /** @default 'insert' */
  readonly mode?: 'insert' | 'upgrade';
  /** @default never aborted */
  readonly signal?: AbortSignal;
  /** @default 'attempt-1' */
  readonly attemptId?: string;
  readonly orderingKey?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A whole request: bytes (one JSON line per row), columns and records say the same. */
export function writeRequest(parts: WriteRequestParts): WriteRequest {
  const { columns, cells } = parts;
  const body = cells.map((row) => `${JSON.stringify(row.map(jsonOf))}\n`).join('');
  const { orderingKey, attributes } = parts;
  const input = {
    body,
    format: 'ndjson' as const,
    ...(orderingKey === undefined ? {} : { orderingKey }),
    ...(attributes === undefined ? {} : { attributes }),
  };
  const batch = new Batch(input, 'contract', lineFramer, 0);
  const whole: WriteRequest = {
    batch,
    rows: 'all',
    columns: {
      columns,
      rows: cells.map((_, row) => row),
      vectors: columns.map((_, at) => cellVector(cells.map((row) => row[at] ?? null))),
    },
    records: cells.map((row) => recordOf(columns, row)),
    keys: parts.keys ?? cells.map((_, row) => batch.rowKey(row)),
    attemptId: parts.attemptId ?? 'attempt-1',
    mode: parts.mode ?? 'insert',
    signal: parts.signal ?? new AbortController().signal,
  };
  const { rows = 'all' } = parts;
  return rows === 'all' ? whole : selectPositions(whole, rows);
}

/** The same request for only some of its rows, given as ascending positions within it. */
export function selectPositions(request: WriteRequest, positions: readonly number[]): WriteRequest {
  const chosen = new Set(positions);
  const pick = <T>(values: readonly T[]): T[] => values.filter((_, position) => chosen.has(position));
  // Property by property: the parts of an engine's request are getters of its class, which a spread would lose.
  const { batch, columns, records, keys, rows, attemptId, mode, signal } = request;
  return {
    batch,
    rows: rows === 'all' ? positions : pick(rows),
    columns: columns && {
      columns: columns.columns,
      rows: pick(columns.rows),
      vectors: columns.vectors.map((vector) => cellVector(pick(cellsOf(vector)))),
    },
    records: records && pick(records),
    keys: pick(keys),
    attemptId,
    mode,
    signal,
  };
}

function recordOf(columns: readonly Column[], row: readonly Cell[]): SinkRecord {
  const record: Record<string, unknown> = Object.create(null);
  for (const [at, { name }] of columns.entries()) record[name] = row[at] ?? null;
  return record;
}

function jsonOf(cell: Cell): unknown {
  if (typeof cell === 'bigint') return String(cell);
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('base64') : cell;
}

/** Rows are the lines of a body in which every line ends with a newline. */
const lineFramer: Framer = {
  count: (body) => lineEnds(body).length,
  frame: (body) => {
    const ends = lineEnds(body);
    return {
      rowCount: ends.length,
      spans: undefined,
      row: (index) => body.subarray(index === 0 ? 0 : (ends[index - 1] ?? 0) + 1, ends[index]),
    };
  },
};

function lineEnds(body: Uint8Array): number[] {
  const ends: number[] = [];
  for (let at = body.indexOf(10); at >= 0; at = body.indexOf(10, at + 1)) ends.push(at);
  return ends;
}
