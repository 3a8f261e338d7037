/** The part of a request that a sink asked for. Its absence is a bug of the tier, not a fault of the data. */
import type { Columns } from '../core/columns.ts';
import { SinkError } from '../core/errors.ts';
import { countRows } from '../core/row-set.ts';
import type { SinkRecord, WriteRequest } from './sink.ts';

/** @throws SinkError `crashed` when the request has no records, or not one per row */
export function recordsOf(request: WriteRequest, sink: string): readonly SinkRecord[] {
  const { records } = request;
  if (records === undefined) throw malformed(sink, 'has no records');
  // Against the rows and not the keys, which cost a hash per request and may never be asked for.
  const count = countRows(request.rows, request.batch.rowCount);
  if (records.length !== count) throw malformed(sink, `has ${records.length} records for ${count} rows`);
  return records;
}

/** @throws SinkError `crashed` when the request has no columns, or not one row per key */
export function columnsOf(request: WriteRequest, sink: string): Columns {
  const { columns } = request;
  if (columns === undefined) throw malformed(sink, 'has no columns');
  if (columns.rows.length !== request.keys.length) {
    throw malformed(sink, `has ${columns.rows.length} rows of columns for ${request.keys.length} keys`);
  }
  return columns;
}

function malformed(sink: string, what: string): SinkError {
  return new SinkError('crashed', `${sink}: the write request ${what}`, {
    hint: 'Give the tier what the sink accepts: a sink of columns needs a schema.',
    retryable: false,
  });
}
