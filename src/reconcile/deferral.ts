/** When and why the rows of an object were deferred, by its own entries. */
import type { JournalEntry } from '../journal/journal.ts';
import { hourOf } from './job.ts';

export interface Deferral {
  /** When the first of its batches was accepted; ISO 8601, UTC. */
  readonly firstReceivedAt: string;
  readonly lastReceivedAt: string;
  /** Rows by the reason they left the chain with. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** The last millisecond of the year 9999: later times have no YYYY-MM-DD. */
const TIME_MAX_MS = 253_402_300_799_999;
const HOUR_MS = 3_600_000;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** @param entries of one object, at least one */
export function deferralOf(
  entries: readonly Pick<JournalEntry, 'receivedAtMs' | 'reason' | 'rowCount'>[],
): Deferral {
  let firstMs = TIME_MAX_MS;
  let lastMs = 0;
  const reasons = new Map<string, number>();
  for (const { receivedAtMs, reason, rowCount } of entries) {
    const ms = Math.min(Math.max(receivedAtMs, 0), TIME_MAX_MS);
    firstMs = Math.min(firstMs, ms);
    lastMs = Math.max(lastMs, ms);
    reasons.set(reason, (reasons.get(reason) ?? 0) + rowCount);
  }
  return {
    firstReceivedAt: isoOf(firstMs),
    lastReceivedAt: isoOf(Math.max(firstMs, lastMs)),
    reasons: Object.fromEntries([...reasons].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

export function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** The hour that an object's name tells, for one of whose deferral nothing else is known. */
export function hourSpan(ref: string): { readonly firstMs: number; readonly lastMs: number } | undefined {
  const hour = hourOf(ref);
  if (hour === undefined) return undefined;
  const firstMs = Date.parse(`${hour}:00:00.000Z`);
  return Number.isNaN(firstMs) ? undefined : { firstMs, lastMs: firstMs + HOUR_MS - 1 };
}

/** What is wrong with the parts of a deferral that are there, or undefined. */
export function findDeferralFault(found: Partial<Record<keyof Deferral, unknown>>): string | undefined {
  const { firstReceivedAt, lastReceivedAt, reasons } = found;
  const isTime = (value: unknown): boolean =>
    value === undefined || (typeof value === 'string' && ISO.test(value) && !Number.isNaN(Date.parse(value)));
  if (!isTime(firstReceivedAt)) return 'firstReceivedAt is not a time';
  if (!isTime(lastReceivedAt)) return 'lastReceivedAt is not a time';
  if (reasons === undefined) return undefined;
  if (typeof reasons !== 'object' || reasons === null) return 'reasons are not counted by name';
  const isCounted = Object.values(reasons).every((rows) => Number.isSafeInteger(rows) && Number(rows) >= 0);
  return isCounted ? undefined : 'reasons are not counted by name';
}
