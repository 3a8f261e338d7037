/** Cells of typed columns as the values that records hold. */
import type { Cell, Column } from '../core/columns.ts';
import { parseExactJson } from './exact-json.ts';
import { Decimal, instantOfCount } from './typed-value.ts';

function parsedJson(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    return text;
  }
}

/** A cell of a column as a record holds it. JSON text that does not parse stays text. */
export function typedValue(cell: Cell, column: Column): unknown {
  if (cell === null) return null;
  if (column.type === 'timestamp' && typeof cell === 'bigint') return instantOfCount(cell, column.unit ?? 'ns');
  if (column.type === 'decimal' && typeof cell === 'string') return new Decimal(cell);
  if (column.type === 'json' && typeof cell === 'string') return parsedJson(cell);
  return cell;
}
