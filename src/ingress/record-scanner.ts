/**
 * Finds where the records of a stream end, chunk by chunk, without keeping bytes.
 *
 * R1 the state is a few numbers, whatever the records and wherever a chunk ends. R2 offsets count from the first
 * byte scanned. R3 records are told in order and do not overlap; the line end of a record belongs to it.
 */

/** Told the half-open byte range of each record, in order. */
export type VisitRecord = (start: number, end: number) => void;

export interface RecordScanner {
  scan(chunk: Uint8Array, visit: VisitRecord): void;
  /** Ends the input: what is unfinished is a record as it is. */
  finish(visit: VisitRecord): void;
  /** Where the unfinished record starts; undefined between records. */
  readonly pendingStart: number | undefined;
}
