/** Rows as records. */
import type { DiffRecord } from './change.ts';

/** What is no object becomes a record of one field. */
export function asRecord(value: unknown): DiffRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as DiffRecord)
    : { value };
}
