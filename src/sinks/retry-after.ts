/** The `Retry-After` of an HTTP answer, as milliseconds from now. Headers come in the shapes clients give them. */
import type { Clock } from '../core/clock.ts';

/** A `Headers`, or a plain object as Node's http, axios and got have it. */
export type HeaderSource = unknown;

/**
 * Reads seconds or an HTTP date. A date is measured from the answer's own `Date` header, which is immune to
 * the skew of our clock, else from `clock`; with neither it says nothing. A date in the past is 0.
 * @returns milliseconds, or undefined when there is no usable header
 */
export function retryAfterMs(headers: HeaderSource, clock?: Pick<Clock, 'wallNow'>): number | undefined {
  const value = headerOf(headers, 'retry-after')?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000);
  const untilMs = httpDateMs(value);
  const nowMs = httpDateMs(headerOf(headers, 'date') ?? '') ?? clock?.wallNow();
  if (untilMs === undefined || nowMs === undefined) return undefined;
  return Math.max(0, untilMs - nowMs);
}

// Only the form every server must send (RFC 9110 IMF-fixdate): looser ones are guesses about the time zone.
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

function httpDateMs(text: string): number | undefined {
  if (!HTTP_DATE.test(text.trim())) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

function headerOf(headers: HeaderSource, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  if ('get' in headers && typeof headers.get === 'function') return textOf(headers.get(name));
  const entry = Object.entries(headers).find(([key]) => key.toLowerCase() === name);
  return textOf(entry?.[1]);
}

function textOf(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' || typeof first === 'number' ? String(first) : undefined;
}
