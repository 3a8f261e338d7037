/** The one spelling of a time that machines write, in place: `2024-02-29T12:00:00`, decimals, `Z` or nothing. */

const ZERO = 48;
const DAY_SECONDS = 86_400;
const MONTH_DAYS = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const NANO_DIGITS = 9;
const POWERS = Array.from({ length: NANO_DIGITS + 1 }, (_, power) => 10 ** power);

/** What the last `readIsoTime` found. */
export const ISO = {
  seconds: 0,
  /** Billionths of the second. */
  nanos: 0,
  isZoned: false,
};

function pair(body: Uint8Array, at: number): number {
  const tens = (body[at] as number) - ZERO;
  const ones = (body[at + 1] as number) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Days since 1970 of the date at `at`, or NaN when there is no such day. */
export function readIsoDay(body: Uint8Array, at: number): number {
  if (body[at + 4] !== 45 || body[at + 7] !== 45) return Number.NaN;
  const year = pair(body, at) * 100 + pair(body, at + 2);
  const month = pair(body, at + 5);
  const day = pair(body, at + 8);
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1)) return Number.NaN;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > (MONTH_LENGTHS[month - 1] as number) + (isLeap && month === 2 ? 1 : 0)) return Number.NaN;
  const past = year - 1;
  const years = year * 365 + Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400);
  const inYear = (MONTH_DAYS[month - 1] as number) + (isLeap && month > 2 ? 1 : 0) + day - 1;
  return years + inYear - 719_527;
}

/** Whether all of `start` to `end` is such a time; then it is in `ISO`. At most nine decimals. */
export function readIsoTime(body: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < 19 || length > 30 || body[start + 10] !== 84) return false;
  const day = readIsoDay(body, start);
  const hour = pair(body, start + 11);
  const minute = pair(body, start + 14);
  const second = pair(body, start + 17);
  if (!(hour <= 23 && minute <= 59 && second <= 59) || Number.isNaN(day)) return false;
  if (body[start + 13] !== 58 || body[start + 16] !== 58) return false;
  const isZoned = body[end - 1] === 90;
  const stop = isZoned ? end - 1 : end;
  let nanos = 0;
  if (stop > start + 19) {
    const digits = stop - start - 20;
    if (body[start + 19] !== 46 || digits < 1 || digits > NANO_DIGITS) return false;
    for (let at = start + 20; at < stop; at += 1) {
      const digit = (body[at] as number) - ZERO;
      if (digit < 0 || digit > 9) return false;
      nanos = nanos * 10 + digit;
    }
    nanos *= POWERS[NANO_DIGITS - digits] as number;
  }
  ISO.seconds = day * DAY_SECONDS + hour * 3600 + minute * 60 + second;
  ISO.nanos = nanos;
  ISO.isZoned = isZoned;
  return true;
}
