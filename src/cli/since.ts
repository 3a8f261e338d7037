/** `--since`: a moment, or how long ago. */
import { ConfigError } from '../core/errors.ts';
import { parseOption } from './options.ts';

export const SINCE_OPTION = {
  type: 'text',
  placeholder: 'WHEN',
  description: 'Only since then: a date (2026-11-20, 2026-11-20T08:00:00Z), or how long ago (36h, 7d).',
} as const;

const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** @returns undefined when it is not given @throws ConfigError */
export function sinceOf(text: string | undefined, nowMs: number): Date | undefined {
  if (text === undefined) return undefined;
  if (/^\d{4}-/.test(text)) {
    const date = new Date(DATE.test(text) ? text : Number.NaN);
    if (!Number.isNaN(date.getTime())) return date;
    throw new ConfigError(
      '--since',
      `found ${JSON.stringify(text)}, expected a date`,
      'For example 2026-11-20, or 2026-11-20T08:00:00Z; a time needs its zone.',
    );
  }
  const agoMs = Number(parseOption('since', { type: 'duration', description: '' }, text));
  return new Date(nowMs - agoMs);
}
