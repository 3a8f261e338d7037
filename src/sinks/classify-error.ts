/**
 * What a failed call says about the records: the one table from foreign errors to reasons, shared by every
 * sink that calls code or a network it does not own.
 *
 * What decides, first match wins: a SinkError as it is; the caller's own `classify`; an HTTP status; a
 * connection code; an abort. Anything else is `crashed`. Causes and aggregated errors are looked into,
 * because `fetch` hides the code one level down. Where bytes may have left, the outcome is `ambiguous`:
 * calling it `unavailable` would invite a duplicate.
 */
import type { Clock } from '../core/clock.ts';
import { SinkError } from '../core/errors.ts';
import { REASONS, type Reason } from '../core/reason.ts';
import { retryAfterMs } from './retry-after.ts';

export interface ClassifyOptions {
  /** Name of the sink, for the message. */
  readonly sink: string;
  /** The signal of the call: a failure after its abort is `ambiguous`. */
  readonly signal?: AbortSignal;
  /** For a Retry-After that is a date. @default the answer's Date header, else such a date is ignored */
  readonly clock?: Pick<Clock, 'wallNow'>;
  /** The caller's own knowledge; undefined, an unknown reason or a throw falls back to the table. */
  readonly classify?: (error: unknown) => Reason | undefined;
}

/** Translates whatever was thrown; pure, never throws. The original is kept as `cause`. */
export function classifyError(error: unknown, options: ClassifyOptions): SinkError {
  if (error instanceof SinkError) return error;
  const errors = withCauses(error);
  const status = firstOf(errors, statusOf);
  const waitMs = firstOf(errors, (each) => retryAfterMs(headersOf(each), options.clock));
  const reason =
    askCaller(error, options.classify) ??
    (status === undefined ? undefined : reasonOfStatus(status, waitMs !== undefined)) ??
    reasonOfCodes(errors) ??
    (errors.some(isAbort) || options.signal?.aborted ? 'ambiguous' : 'crashed');
  return new SinkError(reason, `${options.sink}: ${describe(errors, status)}`, {
    cause: error,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

const BY_STATUS: ReadonlyMap<number, Reason> = new Map<number, Reason>([
  [400, 'refused'],
  [401, 'unauthorised'],
  [403, 'unauthorised'],
  [404, 'missing-target'],
  [409, 'refused'],
  [413, 'too-large'],
  [422, 'refused'],
  [429, 'throttled'],
]);

/** The reason an HTTP status stands for; undefined for success and for what the table does not know. */
export function reasonOfStatus(status: number, asksToWait: boolean): Reason | undefined {
  if (status === 503 && asksToWait) return 'throttled';
  if (status >= 500 && status <= 599) return 'unavailable';
  return BY_STATUS.get(status);
}

const NOTHING_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const MAYBE_SENT: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'ECONNABORTED',
  'ERR_CANCELED',
  'ABORT_ERR',
]);

function reasonOfCodes(errors: readonly unknown[]): Reason | undefined {
  const reasons = errors.map(reasonOfCode);
  // One attempt among several that may have sent bytes makes the whole call uncertain.
  return reasons.includes('ambiguous') ? 'ambiguous' : reasons.find((reason) => reason !== undefined);
}

function reasonOfCode(error: unknown): Reason | undefined {
  const code = property(error, 'code');
  if (typeof code !== 'string') return undefined;
  const syscall = property(error, 'syscall');
  if (NOTHING_SENT.has(code)) return syscall === 'read' || syscall === 'write' ? 'ambiguous' : 'unavailable';
  if (MAYBE_SENT.has(code)) return syscall === 'connect' ? 'unavailable' : 'ambiguous';
  return code.startsWith('UND_ERR_') ? 'ambiguous' : undefined;
}

function isAbort(error: unknown): boolean {
  const name = property(error, 'name');
  return name === 'AbortError' || name === 'TimeoutError';
}

function askCaller(error: unknown, classify: ClassifyOptions['classify']): Reason | undefined {
  try {
    const reason = classify?.(error);
    return reason !== undefined && REASONS.includes(reason) ? reason : undefined;
  } catch {
    return undefined;
  }
}

function statusOf(error: unknown): number | undefined {
  const response = property(error, 'response');
  const candidates = [property(error, 'status'), property(error, 'statusCode'), property(response, 'status')];
  return [...candidates, property(response, 'statusCode')].find(
    (value) => typeof value === 'number' && value >= 400,
  ) as number | undefined;
}

function headersOf(error: unknown): unknown {
  return property(error, 'headers') ?? property(property(error, 'response'), 'headers');
}

const ERRORS_MAX = 16;

/** The error, its causes and the members of aggregates: breadth first, each once, bounded. */
function withCauses(error: unknown): readonly unknown[] {
  const found = new Set<unknown>([error]);
  for (const each of found) {
    const members = property(each, 'errors');
    for (const inner of [property(each, 'cause'), ...(Array.isArray(members) ? members : [])]) {
      if (typeof inner === 'object' && inner !== null && found.size < ERRORS_MAX) found.add(inner);
    }
  }
  return [...found];
}

function firstOf<T>(errors: readonly unknown[], read: (error: unknown) => T | undefined): T | undefined {
  for (const error of errors) {
    const value = read(error);
    if (value !== undefined) return value;
  }
  return undefined;
}

const WORDS_MAX = 500;

function describe(errors: readonly unknown[], status: number | undefined): string {
  const words = errors.map((error) => (typeof error === 'string' ? error : property(error, 'message')));
  const texts = new Set(words.filter((text) => typeof text === 'string' && text !== ''));
  const all = [...(status === undefined ? [] : [`HTTP ${status}`]), ...texts].join(': ');
  // Clients like to quote the URL they called, and a URL may hold a password.
  const safe = all.replace(/\/\/[^/\s@]+@/g, '//***@');
  return safe === '' ? `threw ${typeof errors[0]}` : safe.slice(0, WORDS_MAX);
}

/** A property of anything; a getter that throws counts as absent. */
function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    return (value as Readonly<Record<string, unknown>>)[name];
  } catch {
    return undefined;
  }
}
