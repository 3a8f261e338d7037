/** Values that no JavaScript value stands for by itself, so that records can hold them. */
import type { TimeUnit } from '../core/columns.ts';

const NANOSECONDS: Readonly<Record<TimeUnit, bigint>> = { s: 10n ** 9n, ms: 10n ** 6n, us: 1000n, ns: 1n };
const SECOND = NANOSECONDS.s;
/** What `Date` can show, in seconds either side of 1970. */
const DATE_SECONDS_MAX = 8_640_000_000_000n;

/** A point in time: nanoseconds since 1970-01-01T00:00:00Z, without a limit. */
export class Instant {
  readonly nanoseconds: bigint;

  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }

  /** ISO 8601 in UTC with as many decimals as it takes; `@<nanoseconds>ns` outside the calendar of `Date`. */
  toString(): string {
    const fraction = ((this.nanoseconds % SECOND) + SECOND) % SECOND;
    const seconds = (this.nanoseconds - fraction) / SECOND;
    if (seconds > DATE_SECONDS_MAX || seconds < -DATE_SECONDS_MAX) return `@${this.nanoseconds}ns`;
    const text = new Date(Number(seconds) * 1000).toISOString().slice(0, -5);
    const decimals = fraction === 0n ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`;
    return `${text}${decimals}Z`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** An exact decimal number as its digits. */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** The instant that is `count` units after 1970. */
export function instantOfCount(count: bigint, unit: TimeUnit): Instant {
  return new Instant(count * NANOSECONDS[unit]);
}

/** Nanoseconds in one `unit`. */
export function nanosecondsIn(unit: TimeUnit): bigint {
  return NANOSECONDS[unit];
}
