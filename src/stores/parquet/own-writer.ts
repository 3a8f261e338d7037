/**
 * Writes objects as Parquet, for the one schema they have.
 *
 * W1 equal entries give equal bytes: no clock, no chance, and pages in order whichever thread is first. W2 the event
 * loop gets turns between columns; zstd of all that is large runs beside it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JournalEntry } from '../../journal/journal.ts';
import {
  type BegunChunk,
  beginBodyChunk,
  beginIntegerChunk,
  beginTextChunk,
  type Push,
} from './column-chunk.ts';
import { type ChunkMetadata, type Codec, fileFooter, type RowGroupMetadata } from './file-metadata.ts';
import { COLUMNS, type ObjectColumn } from './object-columns.ts';
import type { WriteObject } from './object-writer.ts';
import { rowGroups } from './row-groups.ts';

const GROUP_LIMITS = { bytesMax: 8 * 1024 * 1024, rowsMax: 8192 };
/** Above it, columns are worth a turn of the event loop each. */
const TURN_ROWS = 1024;
const MAGIC = new TextEncoder().encode('PAR1');

/** Bodies come first, because they take the longest and other columns can be encoded meanwhile. */
async function beginRowGroup(
  entries: readonly JournalEntry[],
  bodyCodec: Codec,
): Promise<readonly BegunChunk[]> {
  const begun = new Map<ObjectColumn, BegunChunk>();
  for (const column of COLUMNS) {
    if (column.kind === 'bytes') begun.set(column, beginBodyChunk(column, entries.map(column.of), bodyCodec));
  }
  for (const column of COLUMNS) {
    if (column.kind === 'bytes') continue;
    if (entries.length > TURN_ROWS) await nextTurn();
    begun.set(column, beginColumn(column, entries));
  }
  return COLUMNS.flatMap((column) => begun.get(column) ?? []);
}

type SmallColumn = Exclude<ObjectColumn, { readonly kind: 'bytes' }>;

function beginColumn(column: SmallColumn, entries: readonly JournalEntry[]): BegunChunk {
  return column.kind === 'text'
    ? beginTextChunk(column, entries.map(column.of))
    : beginIntegerChunk(column, entries.map(column.of));
}

async function writeRowGroup(
  entries: readonly JournalEntry[],
  offset: number,
  bodyCodec: Codec,
  push: Push,
): Promise<RowGroupMetadata> {
  const chunks: ChunkMetadata[] = [];
  for (const chunk of await beginRowGroup(entries, bodyCodec)) chunks.push(await chunk.write(push));
  return { rows: entries.length, offset, chunks };
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
