/** Days since 1970-01-01 in the proleptic Gregorian calendar. */

const DAY_MS = 86_400_000;

/** `YYYY-MM-DD` of a day between the years 0 and 9999. */
export function formatDay(days: number): string {
  return new Date(days * DAY_MS).toISOString().slice(0, 10);
}

/** The day of a well-formed `YYYY-MM-DD`; NaN for other text. */
export function dayOf(text: string): number {
  return Date.parse(`${text}T00:00:00Z`) / DAY_MS;
}
