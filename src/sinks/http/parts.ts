/**
 * A write as several requests, none larger than the server is to be asked for.
 *
 * P1 parts go out one after the other, in order. P2 a part that fails as a whole says why for its own rows; after a reason
 * that is about the server those behind it are not sent, and are `unavailable`. P3 if the first part fails and nothing has
 * landed, the failure is thrown, as S3 wants it.
 */
import { SinkError } from '../../core/errors.ts';
import { isPassing } from '../../core/reason.ts';
import { type RowFailure, residuesOf } from '../row-failures.ts';
import type { WriteRequest, WriteResult } from '../sink.ts';

/** Positions within the request: from `start`, up to and without `end`. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/** Cuts sizes into parts; what is larger than the limit alone is a part alone. */
export function partsOf(sizes: readonly number[], rowsMax: number, bytesMax: number): readonly Part[] {
  const parts: Part[] = [];
  let start = 0;
  let bytes = 0;
  for (const [position, size] of sizes.entries()) {
    const isFull = position - start >= rowsMax || bytes + size > bytesMax;
    if (isFull && position > start) {
      parts.push({ start, end: position });
      start = position;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < sizes.length) parts.push({ start, end: sizes.length });
  return parts;
}

/**
 * Sends every part, and folds what came of them.
 * @param send failures of rows, by position in the request; throws SinkError when none of the part landed
 * @param count rows of the request
 */
export async function sendParts(
  parts: readonly Part[],
  request: Pick<WriteRequest, 'rows'>,
  count: number,
  send: (part: Part) => Promise<readonly RowFailure[]>,
): Promise<WriteResult | undefined> {
  const failures: RowFailure[] = [];
  for (const part of parts) {
    try {
      for (const failure of await send(part)) failures.push(failure);
    } catch (error) {
      const fault = asSinkError(error);
      if (parts.length === 1) throw fault;
      fail(failures, part, fault, fault.reason);
      if (!isPassing(fault.reason)) continue;
      if (part.start === 0) throw fault;
      fail(
        failures,
        { start: part.end, end: count },
        fault,
        fault.reason === 'ambiguous' ? 'unavailable' : fault.reason,
      );
      break;
    }
  }
  return failures.length === 0 ? undefined : { residue: residuesOf(failures, request.rows, count) };
}

function fail(failures: RowFailure[], { start, end }: Part, fault: SinkError, reason: string): void {
  const { message: detail, retryAfterMs } = fault;
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  for (let position = start; position < end; position += 1) {
    failures.push({ position, reason, detail, whole: true, ...wait });
  }
}

function asSinkError(error: unknown): SinkError {
  return error instanceof SinkError ? error : new SinkError('crashed', String(error), { cause: error });
}
