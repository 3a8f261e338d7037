/**
 * What an HTTP answer, or its absence, says about the records: one table for every sink over HTTP.
 *
 * | Answer | Reason |
 * |---|---|
 * | none, and the request was not sent (refused, DNS, TLS, aborted in the queue) | `unavailable` |
 * | none, and bytes may have left (reset, timeout, aborted) | `ambiguous` |
 * | 1xx, 3xx | `missing-target`: no redirect is followed |
 * | 400, 409, 422 and any other 4xx | `refused` |
 * | 401, 403, 407 | `unauthorised` |
 * | 404, 405, 410, 501 | `missing-target` |
 * | 408, 421, 425, 5xx | `unavailable` |
 * | 413, 431 | `too-large` |
 * | 429; 503 with Retry-After | `throttled` |
 * | 504; a success whose answer was cut off | `ambiguous`: something behind it may have taken the records |
 */
import type { Clock } from '../../core/clock.ts';
import { SinkError } from '../../core/errors.ts';
import type { Reason } from '../../core/reason.ts';
import { reasonOfStatus } from '../classify-error.ts';
import { retryAfterMs } from '../retry-after.ts';
import { type HttpAnswer, NoAnswer } from './client.ts';

const BY_STATUS: ReadonlyMap<number, Reason> = new Map<number, Reason>([
  [405, 'missing-target'],
  [407, 'unauthorised'],
  [408, 'unavailable'],
  [410, 'missing-target'],
  [421, 'unavailable'],
  [425, 'unavailable'],
  [431, 'too-large'],
  [501, 'missing-target'],
  [504, 'ambiguous'],
]);

/** Undefined for a success. */
export function reasonOfAnswer(answer: HttpAnswer): Reason | undefined {
  const { status, headers, isCut } = answer;
  if (status >= 200 && status <= 299) return isCut ? 'ambiguous' : undefined;
  if (status < 400) return 'missing-target';
  const asksToWait = headers['retry-after'] !== undefined;
  return (
    BY_STATUS.get(status) ?? reasonOfStatus(status, asksToWait) ?? (status < 500 ? 'refused' : 'unavailable')
  );
}

const WORDS_MAX = 500;
const SECRETS_MAX = 64;

/** Makes errors of one sink: with its name, the server's words, and none of its secrets. */
export class HttpFaults {
  readonly #name: string;
  readonly #secrets: string[];
  readonly #clock: Pick<Clock, 'wallNow'> | undefined;

  /** @param secrets what a server may quote and nobody may read */
  constructor(name: string, secrets: readonly (string | undefined)[], clock?: Pick<Clock, 'wallNow'>) {
    this.#name = name;
    this.#secrets = secrets.filter((secret) => secret !== undefined && secret !== '') as string[];
    this.#clock = clock;
  }

  /** Values that are renewed; the latest are remembered. */
  hide(secrets: readonly string[]): void {
    for (const secret of secrets) {
      if (secret !== '' && !this.#secrets.includes(secret)) this.#secrets.push(secret);
    }
    const tooMany = this.#secrets.length - SECRETS_MAX;
    if (tooMany > 0) this.#secrets.splice(0, tooMany);
  }

  /** Of an answer that is a failure. */
  ofAnswer(answer: HttpAnswer, reason: Reason, words = textOf(answer.body)): SinkError {
    const waitMs = this.waitOf(answer);
    const { location } = answer.headers;
    const where =
      answer.status < 400 && typeof location === 'string' ? ' and a redirect, which is not followed' : '';
    const said = this.clean(words);
    return new SinkError(
      reason,
      `${this.#name}: HTTP ${answer.status}${where}${said === '' ? '' : `: ${said}`}`,
      {
        ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
      },
    );
  }

  /** Of a request that was not answered. */
  ofSilence(error: unknown): SinkError {
    if (error instanceof SinkError) return error;
    if (!(error instanceof NoAnswer)) {
      return new SinkError('crashed', `${this.#name}: ${this.clean(String(error))}`, { cause: error });
    }
    const cause = error.cause;
    // A host with several addresses fails with an error that has no words of its own.
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
    const words = this.clean(error.message) || code || 'no answer';
    const when = error.isSent ? 'no answer to a request that was sent' : 'nothing was sent';
    return new SinkError(error.isSent ? 'ambiguous' : 'unavailable', `${this.#name}: ${when}: ${words}`, {
      cause,
    });
  }

  /** The wish of the server, milliseconds. */
  waitOf({ headers }: HttpAnswer): number | undefined {
    return retryAfterMs(headers, this.#clock);
  }

  /** Words of a server as they may be shown: on one line, short, without secrets. */
  clean(words: string): string {
    const safe = this.#secrets.reduce((text, secret) => text.replaceAll(secret, '***'), words);
    return safe
      .replace(/\/\/[^/\s@]+@/g, '//***@')
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, WORDS_MAX);
  }
}

/** The text of an answer; of JSON with a member that says it in words, that member. */
export function textOf(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  const json = parsed(text);
  if (typeof json !== 'object' || json === null) return text;
  const members = json as Readonly<Record<string, unknown>>;
  const said = ['error', 'message', 'detail', 'title'].map((name) => members[name]);
  return (said.find((value) => typeof value === 'string' && value !== '') as string | undefined) ?? text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
