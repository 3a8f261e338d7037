/**
 * A sink made of the user's own function. What the function throws, or answers with, is translated here
 * once.
 *
 * F1 a call that is still open when the signal is aborted is `ambiguous`: the function may finish later.
 * F2 an HTTP answer handed back with a failing status is a failure, although `fetch` does not throw for it.
 */
import type { Clock } from '../core/clock.ts';
import { SinkError } from '../core/errors.ts';
import { REASONS, type Reason } from '../core/reason.ts';
import { type ClassifyOptions, classifyError } from './classify-error.ts';
import { recordsOf } from './request-input.ts';
import { type RowFailure, residuesOf } from './row-failures.ts';
import type { Sink, SinkRecord, WriteRequest, WriteResult } from './sink.ts';
import { untilAborted } from './until-aborted.ts';

/** What a write function is told beside the records. */
export interface FunctionSinkContext {
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey: string | undefined;
  /** One stable key per record, the same for every attempt: send them if the target can deduplicate. */
  readonly keys: readonly string[];
  /** Rotates per attempt; for tracing only. */
  readonly attemptId: string;
  /** `upgrade`: these are fuller versions of rows already written under the same keys. */
  readonly mode: 'insert' | 'upgrade';
  /** Pass it on to whatever is called: aborted at the deadline. */
  readonly signal: AbortSignal;
}

/** Returned by a write function to name the records that did not land; all others did. */
export interface FunctionSinkResult {
  readonly failed: readonly {
    /** Index into `records`. */
    readonly index: number;
    readonly reason: Reason;
    /** The target's own words. */
    readonly detail?: string;
    /** Milliseconds. */
    readonly retryAfterMs?: number;
  }[];
}

/**
 * Writes records and resolves when they are in the target. Throws when none landed, with an HTTP status, a
 * connection code or a SinkError where it knows better; returns a FunctionSinkResult for a partial failure.
 */
export type WriteFunction = (
  records: readonly SinkRecord[],
  context: FunctionSinkContext,
) => unknown | Promise<unknown>;

export interface FunctionSinkOptions {
  /** @default 'function' */
  readonly name?: string;
  /** Whether the target stores a key that is sent twice only once. @default false */
  readonly idempotent?: boolean;
  /** Reason of an error that the built-in table would get wrong; undefined leaves it to the table. */
  readonly classify?: (error: unknown) => Reason | undefined;
  /** Which of these keys the target holds; lets replay skip them. @default none: replay writes again */
  readonly lookup?: (keys: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Dates Retry-After. @default the answer's own Date header; without one such a date is ignored */
  readonly clock?: Pick<Clock, 'wallNow'>;
}

/** Wraps a function as a sink of records. Calling `write` twice calls the function twice. */
export function functionSink(write: WriteFunction, options: FunctionSinkOptions = {}): Sink {
  const name = options.name ?? 'function';
  const { classify, clock, lookup } = options;
  const rules: ClassifyOptions = { sink: name, ...(classify && { classify }), ...(clock && { clock }) };
  return {
    name,
    accepts: 'records',
    idempotent: options.idempotent ?? false,
    settlesOnAbort: true,
    async write(request: WriteRequest): Promise<WriteResult | undefined> {
      const { signal } = request;
      if (signal.aborted) throw new SinkError('unavailable', `${name}: aborted before the call`);
      const records = recordsOf(request, name);
      const answer = await callOnce(write, records, request, rules);
      const failures = failuresOf(answer, records.length, name);
      if (failures.length === 0) return undefined;
      return { residue: residuesOf(failures, request.rows, records.length) };
    },
    ...(lookup && { lookup: (keys: readonly string[]) => translated(async () => lookup(keys), rules) }),
  };
}

async function callOnce(
  write: WriteFunction,
  records: readonly SinkRecord[],
  request: WriteRequest,
  rules: ClassifyOptions,
): Promise<unknown> {
  const call = async (): Promise<unknown> => {
    const answer = await write(records, contextOf(request));
    if (isFailedResponse(answer)) throw { response: answer, status: answer.status };
    return answer;
  };
  const { signal } = request;
  return translated(() => untilAborted(call(), signal), { ...rules, signal });
}

async function translated<T>(call: () => Promise<T>, rules: ClassifyOptions): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw classifyError(error, rules);
  }
}

function contextOf(request: WriteRequest): FunctionSinkContext {
  const { batch, mode, signal } = request;
  return {
    attributes: batch.attributes,
    orderingKey: batch.orderingKey,
    mode,
    signal,
    // Computed when asked for: many functions never look.
    get keys() {
      return request.keys;
    },
    get attemptId() {
      return request.attemptId;
    },
  };
}

function isFailedResponse(answer: unknown): answer is { readonly status: number } {
  if (typeof answer !== 'object' || answer === null || !('status' in answer)) return false;
  if (typeof answer.status !== 'number') return false;
  return answer.status >= 400 || ('ok' in answer && answer.ok === false);
}

function failuresOf(answer: unknown, count: number, name: string): readonly RowFailure[] {
  if (typeof answer !== 'object' || answer === null || !('failed' in answer)) return [];
  const { failed } = answer;
  if (!Array.isArray(failed)) throw misreported(name, '`failed` is not an array');
  return failed.map((entry: unknown) => failureOf(entry, count, name));
}

function failureOf(entry: unknown, count: number, name: string): RowFailure {
  const { index, reason, detail, retryAfterMs } = Object(entry) as Readonly<Record<string, unknown>>;
  if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count) {
    throw misreported(name, `index ${String(index)} is outside 0..${count - 1}`);
  }
  return {
    position: index,
    reason: REASONS.find((known) => known === reason) ?? 'crashed',
    ...(typeof detail === 'string' ? { detail } : {}),
    ...(typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? { retryAfterMs } : {}),
  };
}

/** Which rows are in is then unknown, so all of them must be written again. */
function misreported(name: string, what: string): SinkError {
  return new SinkError('ambiguous', `${name}: the function's report cannot be used: ${what}`, {
    hint: 'Return { failed: [{ index, reason, detail }] } with indices into the records it was given.',
  });
}
