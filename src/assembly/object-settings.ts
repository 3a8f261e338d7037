/** From the option that names a writer of objects to what is loaded. */
import { loadObjectWriter, type ParquetWriterName } from '../stores/parquet/object-writers.ts';
import type { EncodeOptions } from '../stores/parquet.ts';

export interface ObjectOptions {
  /** What writes objects; whatever wrote one, it is read the same way. @default 'built-in' */
  readonly parquet?: ParquetWriterName;
}

/** @throws ConfigError when the writer is unknown or its package is not installed */
export async function objectSettings(options: ObjectOptions = {}): Promise<{ readonly encode: EncodeOptions }> {
  const { parquet = 'built-in' } = options;
  return { encode: { write: await loadObjectWriter(parquet) } };
}
