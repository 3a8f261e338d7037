/**
 * Cells as SQLite can hold them without loss. What it would change in silence is refused instead: NaN becomes
 * NULL there, and a lone surrogate becomes U+FFFD. (-0 is stored as 0, which compares equal.)
 *
 * ```text
 * bool -> INTEGER 0/1     int, bigint -> INTEGER     float -> REAL     bytes -> BLOB
 * text, json, decimal, date -> TEXT                  timestamp -> TEXT, ISO 8601 in UTC
 * ```
 */
import type { Cell, Column } from '../core/columns.ts';
import { SinkError } from '../core/errors.ts';
import { isoTimestamp } from '../core/iso-timestamp.ts';

/** A value that can be bound to a statement. */
export type SqlValue = null | number | bigint | string | Uint8Array;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * The encoder of one column's cells.
 * @returns a function that throws SinkError `refused`, naming the column, for a cell SQLite cannot hold
 */
export function cellEncoder(column: Column): (cell: Cell | undefined) => SqlValue {
  const encode = encoderOf(column);
  return (cell) => {
    if (cell === null) return null;
    const value = encode(cell);
    if (value !== undefined) return value;
    throw new SinkError('refused', `column ${JSON.stringify(column.name)}: ${fault(cell, column)}`);
  };
}

/** @throws SinkError `refused` when the key is not well-formed text: two such keys could become one */
export function encodeKey(key: string): string {
  if (key.isWellFormed()) return key;
  throw new SinkError('refused', 'the record key holds a lone surrogate, which SQLite cannot store');
}

type Encoder = (cell: Cell | undefined) => SqlValue | undefined;

function encoderOf(column: Column): Encoder {
  switch (column.type) {
    case 'bool':
      return (cell) => (typeof cell === 'boolean' ? BigInt(cell) : undefined);
    case 'int':
      // As a bigint, because a number is bound as REAL and an untyped column would keep it so.
      return (cell) => (typeof cell === 'number' && Number.isSafeInteger(cell) ? BigInt(cell) : undefined);
    case 'bigint':
      return (cell) => (isInt64(cell) ? cell : undefined);
    case 'float':
      return (cell) => (typeof cell === 'number' && !Number.isNaN(cell) ? cell : undefined);
    case 'bytes':
      return (cell) => (cell instanceof Uint8Array ? cell : undefined);
    case 'timestamp': {
      const unit = column.unit ?? 'ms';
      return (cell) => (isInt64(cell) ? isoTimestamp(cell, unit) : undefined);
    }
    default:
      return (cell) => (typeof cell === 'string' && cell.isWellFormed() ? cell : undefined);
  }
}

function isInt64(cell: Cell | undefined): cell is bigint {
  return typeof cell === 'bigint' && cell >= INT64_MIN && cell <= INT64_MAX;
}

// Never the value itself: it may be long or secret, and equal details fold into one residue.
function fault(cell: Cell | undefined, { type }: Column): string {
  const found = cell instanceof Uint8Array ? 'bytes' : typeof cell;
  if (found === 'bigint' && (type === 'bigint' || type === 'timestamp'))
    return 'the integer needs more than 64 bits';
  if (found === 'number' && type === 'float') return 'SQLite cannot hold NaN';
  if (found === 'number' && type === 'int') return 'the number is not a safe integer';
  if (typeof cell === 'string' && !cell.isWellFormed())
    return 'the text holds a lone surrogate, which SQLite cannot store';
  return `${type} was expected, found ${found}`;
}
