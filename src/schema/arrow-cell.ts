/** What is said of a cell that the type of its field cannot hold. */
import { SchemaError } from '../core/errors.ts';
import type { Field } from './arrow.ts';

const QUOTE_MAX = 60;

export function cellRefused(field: Field, cell: unknown): SchemaError {
  const text = cell instanceof Uint8Array ? `${cell.length} bytes` : String(cell).slice(0, QUOTE_MAX);
  return new SchemaError(
    'ARROW_CELL',
    `field ${JSON.stringify(field.name)} of type ${field.type} cannot hold ${typeof cell} ${text}`,
    { hint: 'Pass the schema that the columns were read by, or none.' },
  );
}
