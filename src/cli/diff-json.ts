/** Changes as JSON lines: every value exactly, or as text where JSON has none. */
import type { DiffChange } from '../diff/change.ts';
import type { SourceDiffReport } from '../diff/diff-sources.ts';
import { Decimal, Instant } from '../diff/typed-value.ts';
import { showValue } from '../schema/change.ts';
import { toJsonText } from '../schema/json-text.ts';

/** Absent is left out by JSON; numbers beyond 2^53 are plain digits, bytes are base64, NaN and infinities are their names. */
function plain(value: unknown): unknown {
  if (value instanceof Instant || value instanceof Decimal) return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  // What has no exact JSON text (lone surrogates, nesting too deep) is shown rather than lost.
  return value === undefined || toJsonText(value) !== undefined ? value : showValue(value);
}

function plainMembers(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const members: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(record)) members[name] = plain(value);
  return members;
}

/** One change as one line; rows count from 0. */
export function changeLine(change: DiffChange): string {
  const key = change.key.map(plain);
  const told =
    change.kind === 'changed'
      ? {
          ...change,
          key,
          cells: change.cells.map(({ field, before, after }) => ({
            field,
            before: plain(before),
            after: plain(after),
          })),
        }
      : { ...change, key, record: plainMembers(change.record) };
  return `${toJsonText({ type: 'change', ...told }) ?? '{"type":"change"}'}\n`;
}

/** The account as one line. */
export function reportLine({ samples: _samples, duplicates, ...counts }: SourceDiffReport): string {
  const told = { ...duplicates, samples: duplicates.samples.map((key) => key.map(plain)) };
  return `${toJsonText({ type: 'diff', ...counts, duplicates: told })}\n`;
}
