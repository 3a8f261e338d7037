/** What a format says about the types of its values. */
import type { Format } from '../core/batch.ts';
import type { Dialect } from './reader.ts';

export function dialectOf(format: Format): Dialect {
  if (format === 'csv') return 'text';
  return format === 'line-protocol' ? 'epoch' : 'typed';
}
