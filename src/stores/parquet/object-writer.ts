/** The port of what turns entries into a Parquet file. */
import type { JournalEntry } from '../../journal/journal.ts';
import type { Push } from './column-chunk.ts';

export interface WriteOptions {
  /** Key-value metadata of the file, in order. */
  readonly keyValues: readonly (readonly [string, string])[];
  /** Whether bodies are sealed, so that compressing them again is a waste. */
  readonly areBodiesSealed: boolean;
}

/**
 * Gives a file to `push`, piece by piece, up to its footer, which it returns with the length and the magic behind it.
 * Nothing in a footer may depend on what follows the last piece: the digest of the object goes there.
 */
export type WriteObject = (
  entries: readonly JournalEntry[],
  options: WriteOptions,
  push: Push,
) => Promise<Uint8Array>;
