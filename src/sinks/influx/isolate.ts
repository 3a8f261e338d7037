/**
 * Finds which lines of a refused request are to blame.
 *
 * I1 a line counts as landed when a request with it was answered by a success, and never by what was said about others: a
 * server that names the first of many faults only would otherwise be believed too much. I2 a line is refused when the server
 * quoted it, or refused it alone, or counts as many points as it was sent. I3 whatever is neither when the server fails on
 * the way is `ambiguous`, because the first request may have written it. Sending lines again is harmless where points have
 * times of their own; where they have none, nothing is sent again and the rest is `ambiguous`.
 */
import type { SinkError } from '../../core/errors.ts';
import type { RowFailure } from '../row-failures.ts';
import { readRefusal } from './refusal.ts';

/** What the server made of a request: all lines landed, or words about them. */
export type Reply = { readonly refused: string; readonly detail: string } | undefined;

export interface IsolateOptions {
  /** Sends the lines at these positions. @throws SinkError when they failed as a whole */
  post(positions: readonly number[]): Promise<Reply>;
  readonly lines: readonly Uint8Array[];
  readonly isIdempotent: boolean;
  clean(words: string): string;
}

/**
 * @returns failures by position
 * @throws SinkError when the first request failed as a whole
 */
export async function writeIsolated(
  positions: readonly number[],
  options: IsolateOptions,
): Promise<readonly RowFailure[]> {
  const failures: RowFailure[] = [];
  const open: (readonly number[])[] = [positions];
  for (let some = open.pop(), isFirst = true; some !== undefined; some = open.pop(), isFirst = false) {
    let reply: Reply;
    try {
      reply = await options.post(some);
    } catch (error) {
      if (isFirst) throw error;
      const { message: detail, retryAfterMs } = error as SinkError;
      const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
      for (const position of [...some, ...open.flat()]) {
        failures.push({ position, reason: 'ambiguous', detail, whole: true, ...wait });
      }
      break;
    }
    if (reply !== undefined) open.push(...judge(some, reply, options, failures));
  }
  return failures;
}

/** Adds the lines that are to blame to `failures`. @returns what is to be sent again, a request each */
function judge(
  some: readonly number[],
  { refused, detail }: NonNullable<Reply>,
  { lines, isIdempotent, clean }: IsolateOptions,
  failures: RowFailure[],
): readonly (readonly number[])[] {
  const sent = some.map((position) => lines[position] as Uint8Array);
  const { named, dropped, isOfLines, suspects } = readRefusal(refused, sent);
  if (named.size === 0 && (some.length === 1 || dropped === some.length || !isOfLines)) {
    const whole = isOfLines || some.length === 1 ? {} : { whole: true };
    for (const position of some) failures.push({ position, reason: 'refused', detail, ...whole });
    return [];
  }
  for (const [at, words] of named) {
    failures.push({ position: some[at] as number, reason: 'refused', detail: clean(words) });
  }
  const rest = some.filter((_, at) => !named.has(at));
  if (rest.length === 0) return [];
  if (!isIdempotent) {
    for (const position of rest) failures.push({ position, reason: 'ambiguous', detail, whole: true });
    return [];
  }
  return named.size > 0 ? [rest] : halves(some, suspects);
}

/** The suspects apart from the others when there are some of both, or else two halves. The second part is sent first. */
function halves(some: readonly number[], suspects: readonly number[]): readonly (readonly number[])[] {
  const suspected = new Set(suspects);
  const isSplit = suspected.size > 0 && suspected.size < some.length;
  const middle = some.length >> 1;
  const isLate = (at: number): boolean => (isSplit ? suspected.has(at) : at >= middle);
  return [some.filter((_, at) => isLate(at)), some.filter((_, at) => !isLate(at))];
}
