/**
 * Finds the rows that a sink refuses when it refuses only whole requests.
 *
 * From left to right: halves are sent until one poison row is isolated, then the rest goes out as one
 * request. Halves that pass have landed. For k poison rows in n this costs at most k·⌈log₂ n⌉ + k requests,
 * and rows land in their order.
 */
import type { Residue } from '../core/outcome.ts';

/** Sends some rows; what comes back did not land. */
export type SendRows = (rows: readonly number[]) => Promise<readonly Residue[]>;

export interface Bisection {
  /** Rows that the sink judged by themselves, or that were isolated, each with the words it refused them with. */
  readonly judged: readonly Residue[];
  /** Rows not tried any more, because a request failed as a whole for another reason. */
  readonly rest: readonly Residue[];
}

/** @param rows known to hold at least one refused row, because a request of exactly these rows was refused */
export async function bisectRefused(
  rows: readonly number[],
  detail: string | undefined,
  sendRows: SendRows,
): Promise<Bisection> {
  const judged: Residue[] = [];
  let suspects = rows;
  let words = detail;
  for (;;) {
    const isolated = await isolate(suspects, words, sendRows);
    judged.push(...isolated.judged);
    const { after, interruption } = isolated;
    if (interruption) return { judged, rest: [{ ...interruption, rows: after }] };
    if (after.length === 0) return { judged, rest: [] };
    const left = await sendRows(after);
    const failure = left.find(({ whole }) => whole);
    if (!failure) return { judged: [...judged, ...left], rest: [] };
    if (failure.reason !== 'refused') return { judged, rest: [{ ...failure, rows: after }] };
    suspects = after;
    words = failure.detail;
  }
}

interface Isolated {
  readonly judged: readonly Residue[];
  /** Rows behind the judged ones that have not landed. */
  readonly after: readonly number[];
  readonly interruption: Residue | undefined;
}

/** Binary search for the first poison row of `rows`; the rows before it land on the way. */
async function isolate(
  rows: readonly number[],
  detail: string | undefined,
  sendRows: SendRows,
): Promise<Isolated> {
  let low = 0;
  let high = rows.length;
  let words = detail;
  while (high - low > 1) {
    const middle = low + Math.ceil((high - low) / 2);
    const left = await sendRows(rows.slice(low, middle));
    const failure = left.find(({ whole }) => whole);
    if (failure && failure.reason !== 'refused') {
      return { judged: [], after: rows.slice(low), interruption: failure };
    }
    // The sink judged row by row after all: what it named is final, the rest of this half has landed.
    if (!failure && left.length > 0)
      return { judged: left, after: rows.slice(middle), interruption: undefined };
    if (failure) {
      high = middle;
      words = failure.detail;
    } else {
      low = middle;
    }
  }
  const poison: Residue = {
    rows: rows.slice(low, high),
    reason: 'refused',
    ...(words === undefined ? {} : { detail: words }),
  };
  return { judged: [poison], after: rows.slice(high), interruption: undefined };
}
