/**
 * Writes objects as Parquet, for the one schema they have.
 *
 * W1 equal entries give equal bytes: no clock, no chance, and pages in order whichever thread is first. W2 the event
 * loop gets turns between columns; zstd of all that is large runs beside it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JournalEntry } from '../../journal/journal.ts';
import { beginBodyChunk, type Push, writeIntegerChunk, writeTextChunk } from './column-chunk.ts';
import { type ChunkMetadata, type Codec, fileFooter, type RowGroupMetadata } from './file-metadata.ts';
import { COLUMNS, type ObjectColumn } from './object-columns.ts';
import type { WriteObject } from './object-writer.ts';
import { rowGroups } from './row-groups.ts';

const GROUP_LIMITS = { bytesMax: 8 * 1024 * 1024, rowsMax: 8192 };
/** Above it, columns are worth a turn of the event loop each. */
const TURN_ROWS = 1024;
const MAGIC = new TextEncoder().encode('PAR1');

async function writeRowGroup(
  entries: readonly JournalEntry[],
  offset: number,
  bodyCodec: Codec,
  push: Push,
): Promise<RowGroupMetadata> {
  const bodies = COLUMNS.flatMap((column) =>
    column.kind === 'bytes' ? [beginBodyChunk(column, entries.map(column.of), bodyCodec)] : [],
  );
  const chunks: ChunkMetadata[] = [];
  for (const column of COLUMNS) {
    const chunk =
      column.kind === 'bytes' ? await bodies.shift()?.write(push) : await writeColumn(column, entries, push);
    if (chunk) chunks.push(chunk);
    if (entries.length > TURN_ROWS) await nextTurn();
  }
  return { rows: entries.length, offset, chunks };
}

type SmallColumn = Exclude<ObjectColumn, { readonly kind: 'bytes' }>;

function writeColumn(
  column: SmallColumn,
  entries: readonly JournalEntry[],
  push: Push,
): Promise<ChunkMetadata> {
  if (column.kind === 'text') return writeTextChunk(column, entries.map(column.of), push);
  return writeIntegerChunk(column, entries.map(column.of), push);
}

/** The writer that objects have unless another one is asked for. */
export const writeObject: WriteObject = async (entries, { keyValues, areBodiesSealed }, push) => {
  await push(MAGIC);
  const groups: RowGroupMetadata[] = [];
  let offset = MAGIC.length;
  for (const group of rowGroups(entries, GROUP_LIMITS)) {
    const written = await writeRowGroup(group, offset, areBodiesSealed ? 'none' : 'zstd', push);
    groups.push(written);
    offset += written.chunks.reduce((sum, { packedBytes }) => sum + packedBytes, 0);
  }
  return fileFooter({ columns: COLUMNS, groups, keyValues });
};
