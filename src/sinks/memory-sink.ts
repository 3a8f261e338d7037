/**
 * A sink in memory, for tests and first steps. Keeps every row it was given until the process ends.
 *
 * Rows are kept by key: the record, or a record made of the columns, or a copy of the row's bytes.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Cell, Columns } from '../core/columns.ts';
import { SinkError } from '../core/errors.ts';
import { rowIndices } from '../core/row-set.ts';
import { columnsOf, recordsOf } from './request-input.ts';
import type { Sink, SinkInput, UpgradeRequest, UpgradeResult, WriteRequest, WriteResult } from './sink.ts';
import { degradedOf, type Judged, upgradeResultOf } from './upgrade-result.ts';

export interface MemorySinkOptions {
  /** @default 'memory' */
  readonly name?: string;
  /** What it asks to be given. @default 'records' */
  readonly accepts?: SinkInput;
}

export interface MemorySink extends Sink {
  /** What is held, by key, oldest key first; a live view. */
  readonly rows: ReadonlyMap<string, unknown>;
  /** Calls of `write` that were not refused. */
  readonly writes: number;
  /** Keys in the order they were applied: inserted, or replaced by an upgrade. */
  readonly order: readonly string[];
  lookup(keys: readonly string[]): Promise<ReadonlySet<string>>;
  upgrade(request: UpgradeRequest): Promise<UpgradeResult>;
}

/** Creates an empty sink; idempotent by key, refuses nothing. An aborted request throws `unavailable`. */
export function memorySink(options: MemorySinkOptions = {}): MemorySink {
  const name = options.name ?? 'memory';
  const accepts = options.accepts ?? 'records';
  const rows = new Map<string, unknown>();
  const order: string[] = [];
  let writes = 0;

  return {
    name,
    accepts,
    idempotent: true,
    settlesOnAbort: true,
    rows,
    order,
    get writes() {
      return writes;
    },
    async write(request: WriteRequest): Promise<WriteResult | undefined> {
      if (request.signal.aborted) throw new SinkError('unavailable', `${name}: aborted before the write`);
      const values = valuesOf(request, accepts, name);
      for (const [position, key] of request.keys.entries()) {
        if (request.mode === 'insert' && rows.has(key)) continue;
        rows.set(key, values[position]);
        order.push(key);
      }
      writes += 1;
      return undefined;
    },
    async upgrade(request: UpgradeRequest): Promise<UpgradeResult> {
      if (request.signal.aborted) throw new SinkError('unavailable', `${name}: aborted before the upgrade`);
      const values = valuesOf(request, accepts, name);
      const degraded = valuesOf(degradedOf(request), accepts, name);
      const judged = request.keys.map((key, position): Judged => {
        if (!rows.has(key)) return 'absent';
        const held = rows.get(key);
        if (isSame(held, values[position])) return 'upgraded';
        if (!isSame(held, degraded[position])) return 'superseded';
        rows.set(key, values[position]);
        order.push(key);
        return 'upgraded';
      });
      return upgradeResultOf(judged, request);
    },
    async lookup(keys: readonly string[]): Promise<ReadonlySet<string>> {
      return new Set(keys.filter((key) => rows.has(key)));
    },
    async close(): Promise<void> {},
  };
}

function valuesOf(request: WriteRequest, accepts: SinkInput, name: string): readonly unknown[] {
  if (accepts === 'records') return recordsOf(request, name);
  if (accepts === 'columns') return recordsOfColumns(columnsOf(request, name));
  const { batch } = request;
  return rowIndices(request.rows, batch.rowCount).map((row) => batch.frame.row(row).slice());
}

function recordsOfColumns({ columns, rows, vectors }: Columns): readonly Readonly<Record<string, Cell>>[] {
  return rows.map((_, position) => {
    const record: Record<string, Cell> = Object.create(null);
    for (const [at, column] of columns.entries()) record[column.name] = vectors[at]?.at(position) ?? null;
    return record;
  });
}

/** Whether two rows say the same: a field that is not there is null. Bytes are rows of a sink of bytes. */
function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array || b instanceof Uint8Array) return isDeepStrictEqual(a, b);
  const [some, others] = [a, b] as readonly Readonly<Record<string, unknown>>[];
  const names = new Set([...Object.keys(some ?? {}), ...Object.keys(others ?? {})]);
  return [...names].every((name) => isDeepStrictEqual(some?.[name] ?? null, others?.[name] ?? null));
}
