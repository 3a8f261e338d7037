/** What a batch says about the types of its values. */
import type { Batch } from '../core/batch.ts';
import type { Dialect } from './reader.ts';

/** The attribute that says what the timestamps of line protocol count: `ns`, `us`, `ms` or `s`. @default ns */
export const PRECISION_ATTRIBUTE = 'precision';

const EPOCHS: Readonly<Record<string, Dialect>> = { us: 'epoch-us', ms: 'epoch-ms', s: 'epoch-s' };

export function dialectOf({ format, attributes }: Pick<Batch, 'format' | 'attributes'>): Dialect {
  if (format === 'csv') return 'text';
  if (format !== 'line-protocol') return 'typed';
  return EPOCHS[attributes[PRECISION_ATTRIBUTE] ?? 'ns'] ?? 'epoch';
}
