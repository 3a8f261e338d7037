/** From the options that name a store and a writer of objects to what is opened. */
import type { ParquetWriterName } from '../stores/parquet/object-writers.ts';
import { loadObjectWriter } from '../stores/parquet/object-writers.ts';
import type { EncodeOptions } from '../stores/parquet.ts';
import type { Store } from '../stores/store.ts';

export interface ObjectOptions {
  /** Where objects rest; closed by whoever opened it. @default `objects/` of the data directory */
  readonly store?: Store;
  /** What writes objects; whatever wrote one, it is read the same way. @default 'built-in' */
  readonly parquet?: ParquetWriterName;
}

/** @throws ConfigError when the writer is unknown or its package is not installed */
export async function objectSettings(
  options: ObjectOptions = {},
): Promise<{ readonly store: Store | undefined; readonly encode: EncodeOptions }> {
  const { store, parquet = 'built-in' } = options;
  return { store, encode: { write: await loadObjectWriter(parquet) } };
}
