/** What is said of Parquet files that cannot be read. */
import { InputError } from '../core/errors.ts';

/** Bytes that no writer of Parquet makes, or that changed since. */
export function damaged(message: string, cause?: unknown): InputError {
  return new InputError('PARQUET_DAMAGED', `the Parquet file is damaged: ${message}`, {
    hint: 'Fetch or restore the file again, and compare its size with the original.',
    cause,
  });
}

/** A valid file that uses what is not supported here. */
export function unsupported(what: string): InputError {
  return new InputError('PARQUET_UNSUPPORTED', `${what} is not supported in Parquet files`, {
    hint: 'Write the file again without it, for example with zstd compression and plain types.',
  });
}

/** A file, or a claim in it, beyond a limit. */
export function tooLarge(what: string, found: number, limit: number): InputError {
  return new InputError('PARQUET_TOO_LARGE', `${what}: ${found} is above the limit of ${limit}`, {
    hint: 'Write smaller row groups, or raise groupBytesMax if memory allows.',
  });
}
