/** Days since 1970-01-01 in the proleptic Gregorian calendar. */
import { isoTimestamp } from './iso-timestamp.ts';

const DAY_MS = 86_400_000;
const DAY_SECONDS = 86_400n;
/** `T00:00:00Z` */
const TIME_LENGTH = 10;

/** From the year 0 to 9999. */
const PLAIN_DAY_MIN = -719_528;
const PLAIN_DAY_MAX = 2_932_896;

/** `YYYY-MM-DD`; years outside 0..9999 carry a sign and at least six digits (`+012345-01-31`). */
export function formatDay(days: number): string {
  if (days < PLAIN_DAY_MIN || days > PLAIN_DAY_MAX)
    return isoTimestamp(BigInt(days) * DAY_SECONDS, 's').slice(0, -TIME_LENGTH);
  return new Date(days * DAY_MS).toISOString().slice(0, 10);
}

/** The day of a well-formed `YYYY-MM-DD`; NaN for other text. */
export function dayOf(text: string): number {
  return Date.parse(`${text}T00:00:00Z`) / DAY_MS;
}
