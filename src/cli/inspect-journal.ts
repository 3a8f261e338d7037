/** What a check finds in a journal: how much it holds, and which of its bytes are not what was stored. */
import { basename } from 'node:path';
import { DirectoryLockedError } from '../core/errors.ts';
import type { JournalDamage } from '../journal/journal.ts';
import { openSegmentJournal } from '../journal/segment-journal.ts';
import type { CliMachine } from './machine.ts';
import type { TableRow } from './table.ts';

export interface JournalInspection {
  readonly row: TableRow;
  /** Spans that could not be read, of this journal and of segments that are gone by now. */
  readonly damage: readonly { readonly ref: string; readonly fault: string }[];
}

/**
 * A living writer's journal is left alone, but for the spans it has set aside. Damaged spans are set aside by this, too.
 * @throws StorageError when the directory cannot be read, or is of a newer version
 */
export async function inspectJournal(
  directory: string,
  chain: string,
  machine: CliMachine,
): Promise<JournalInspection> {
  const { fs } = machine;
  if ((await fs.stat(directory)) === undefined) return { row: rowOf('none', 0, 0, 0), damage: [] };
  const { row, spans } = await look(directory, chain, machine);
  const named = new Set(spans.map(({ setAside }) => setAside));
  const aside = (await fs.readdir(`${directory}/damaged`)).filter(
    ({ name }) => name.endsWith('.bin') && !named.has(`${directory}/damaged/${name}`),
  );
  return {
    row,
    damage: [
      ...spans.map(({ file, offset, bytes, setAside }) => ({
        ref: `journal/${basename(file)}`,
        fault: `${bytes} bytes at offset ${offset} cannot be read${setAside === file ? '' : `; kept as journal/damaged/${basename(setAside)}`}`,
      })),
      // The segment is gone once the rest of it is packed; what was in this span is in no ledger.
      ...aside.map(({ name }) => ({
        ref: `journal/damaged/${name}`,
        fault: 'a span that could not be read; once you have looked at it, move this file away',
      })),
    ],
  };
}

async function look(
  directory: string,
  chain: string,
  { fs, clock, bus }: CliMachine,
): Promise<{ readonly row: TableRow; readonly spans: readonly JournalDamage[] }> {
  try {
    const journal = await openSegmentJournal({
      directory,
      chain,
      fs,
      clock,
      emit: bus.emit,
      verifyBytes: Number.POSITIVE_INFINITY,
    });
    const { depth, damage } = journal;
    await journal.close();
    return { row: rowOf('at rest', depth.rows, depth.bytes, damage.length), spans: damage };
  } catch (error) {
    if (!(error instanceof DirectoryLockedError)) throw error;
    return { row: rowOf('in use by a writer', undefined, undefined, undefined), spans: [] };
  }
}

function rowOf(
  state: string,
  rows: number | undefined,
  bytes: number | undefined,
  spans: number | undefined,
): TableRow {
  return { state, rows, bytes, 'damaged spans': spans };
}
