/** The writers of objects by name. All of them write the same columns, and every object is read the same way. */
import { ConfigError } from '../../core/errors.ts';
import type { WriteObject } from './object-writer.ts';
import { writeObject } from './own-writer.ts';
import { loadParquetjsWriter } from './parquetjs-writer.ts';

/** `built-in`: our own, zstd. `parquetjs-lite`: that package, gzip, much slower; to be installed beside this one. */
export const PARQUET_WRITERS = ['built-in', 'parquetjs-lite'] as const;
export type ParquetWriterName = (typeof PARQUET_WRITERS)[number];

/** @throws ConfigError for a name that is not one, or a package that is not installed */
export async function loadObjectWriter(name: ParquetWriterName): Promise<WriteObject> {
  if (name === 'built-in') return writeObject;
  if (name === 'parquetjs-lite') return loadParquetjsWriter();
  throw new ConfigError(
    'parquet',
    `found ${JSON.stringify(name)}`,
    `Use one of ${PARQUET_WRITERS.join(', ')}.`,
  );
}
