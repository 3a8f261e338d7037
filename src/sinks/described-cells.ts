/**
 * What the columns of a request say about its records: with a schema, a timestamp in a record is a count whose unit only its
 * column knows, and nested values are JSON text.
 */
import type { Column } from '../core/columns.ts';
import { isoTimestamp } from '../core/iso-timestamp.ts';
import type { WriteRequest } from './sink.ts';

const NONE: ReadonlyMap<string, Column> = new Map();

/** Columns by name; none without a schema. */
export function columnsByName({ columns }: Pick<WriteRequest, 'columns'>): ReadonlyMap<string, Column> {
  return columns === undefined ? NONE : new Map(columns.columns.map((column) => [column.name, column]));
}

/** ISO 8601 text, as it is without a schema, of a timestamp; any other value as it is. */
export function readable(value: unknown, column: Column | undefined): unknown {
  return column?.type === 'timestamp' && typeof value === 'bigint'
    ? isoTimestamp(value, column.unit ?? 'ms')
    : value;
}
