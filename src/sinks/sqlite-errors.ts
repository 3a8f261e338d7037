/** What node:sqlite throws, as reasons. Told apart by SQLite's result codes, never by the words. */
import { SinkError } from '../core/errors.ts';
import type { Reason } from '../core/reason.ts';

interface Verdict {
  readonly reason: Reason;
  readonly hint: string;
}

const FILE_HINT = 'Check that the directory exists and that this process may write the file and beside it.';
const CORRUPT_HINT = 'The file is damaged or is no database: restore it, or give the sink another file.';

/** By primary result code (https://www.sqlite.org/rescode.html). */
const VERDICTS: ReadonlyMap<number, Verdict> = new Map<number, Verdict>([
  [1, { reason: 'refused', hint: 'The table does not fit the statement: compare its columns and triggers.' }],
  [3, { reason: 'unavailable', hint: FILE_HINT }],
  [5, { reason: 'throttled', hint: 'Another connection is writing: shorten its transactions.' }],
  [6, { reason: 'throttled', hint: 'Another statement holds the table: shorten its transactions.' }],
  [7, { reason: 'unavailable', hint: 'SQLite is out of memory: write smaller batches or allow it more.' }],
  [8, { reason: 'unavailable', hint: FILE_HINT }],
  [10, { reason: 'unavailable', hint: 'The disk failed: look at the system log before anything is retried.' }],
  [11, { reason: 'unavailable', hint: CORRUPT_HINT }],
  [
    13,
    {
      reason: 'unavailable',
      hint: 'The disk or the quota is full: free space; writing then resumes by itself.',
    },
  ],
  [14, { reason: 'unavailable', hint: FILE_HINT }],
  [15, { reason: 'throttled', hint: 'Too many connections contend for the file lock.' }],
  [17, { reason: 'throttled', hint: 'The schema changed meanwhile; the same write may succeed now.' }],
  [18, { reason: 'refused', hint: 'A value is longer than SQLite allows.' }],
  [19, { reason: 'refused', hint: 'A constraint of the table refuses the rows.' }],
  [20, { reason: 'refused', hint: 'A value does not have the type of its column.' }],
  [26, { reason: 'unavailable', hint: CORRUPT_HINT }],
]);

/** SQLite's primary result code, or undefined when this is not its error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

/** Somebody else holds the lock: waiting helps. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 5 || code === 6;
}

/** The connection may be in a state that a new one is not. */
export function spoilsConnection(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 10 || code === 11 || code === 26;
}

const ROW_FAULTS: ReadonlySet<number | undefined> = new Set([1, 18, 19, 20]);

/** Whether a failed INSERT says something about its row only; the transaction must still be open. */
export function isRowFault(error: unknown): boolean {
  return error instanceof SinkError || ROW_FAULTS.has(sqliteCode(error));
}

/**
 * Translates once; a SinkError passes.
 * @param committing an I/O error then leaves the outcome unknown: the commit record may be on the medium
 */
export function translateSqliteError(error: unknown, sink: string, committing = false): SinkError {
  if (error instanceof SinkError) return error;
  const code = sqliteCode(error);
  const verdict = code === undefined ? undefined : VERDICTS.get(code);
  const words = error instanceof Error ? error.message : String(error);
  if (verdict === undefined) return new SinkError('crashed', `${sink}: ${words}`, { cause: error });
  const reason = committing && code === 10 ? 'ambiguous' : verdict.reason;
  return new SinkError(reason, `${sink}: ${words}`, { hint: verdict.hint, cause: error });
}
