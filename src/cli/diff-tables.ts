/** Readers of files that hold columns, behind one port. */
import type { Column, Columns } from '../core/columns.ts';
import { InputError } from '../core/errors.ts';

/** A file of columns. */
export interface TableFile {
  readonly columns: readonly Column[];
  /** Its rows, a part at a time, in order. */
  parts(): AsyncIterable<Columns>;
}

/**
 * Opens a file of columns.
 * @throws InputError when it is not what its name says
 */
export type OpenTable = (path: string) => Promise<TableFile>;

function notRead(path: string, format: string): InputError {
  return new InputError('INPUT_FORMAT_UNSUPPORTED', `${path}: ${format} files cannot be read`, {
    hint: 'Convert the file to NDJSON or CSV.',
  });
}

export const openParquetFile: OpenTable = (path) => Promise.reject(notRead(path, 'Parquet'));

export const openArrow: OpenTable = (path) => Promise.reject(notRead(path, 'Arrow'));
