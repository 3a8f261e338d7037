/** Values of binary formats as the text that other formats would have: exact, and the same wherever they are from. */

import type { TimeUnit } from '../core/columns.ts';
import { isoTimestamp } from '../core/iso-timestamp.ts';

const FRACTION_DIGITS: Readonly<Record<TimeUnit, number>> = { s: 0, ms: 3, us: 6, ns: 9 };

/** A count of `10^-scale`: (-5n, 2) is `-0.05`. */
export function decimalText(digits: bigint, scale: number): string {
  if (scale === 0) return String(digits);
  if (scale < 0) return String(digits * 10n ** BigInt(-scale));
  const magnitude = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  const point = magnitude.length - scale;
  return `${digits < 0n ? '-' : ''}${magnitude.slice(0, point)}.${magnitude.slice(point)}`;
}

/** ISO 8601 with all digits of the unit, and with `Z` only when the count is of an instant. */
export function timestampText(count: bigint, unit: TimeUnit, isUtc: boolean): string {
  const text = isoTimestamp(count, unit);
  return isUtc ? text : text.slice(0, -1);
}

/** Time of day: `13:05:09.250`. A count beyond a day, which no clock shows, keeps its hours. */
export function timeOfDayText(count: bigint, unit: TimeUnit): string {
  const digits = FRACTION_DIGITS[unit];
  const perSecond = 10n ** BigInt(digits);
  const magnitude = count < 0n ? -count : count;
  const seconds = magnitude / perSecond;
  const parts = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((part) =>
    String(part).padStart(2, '0'),
  );
  const fraction = digits === 0 ? '' : `.${String(magnitude % perSecond).padStart(digits, '0')}`;
  return `${count < 0n ? '-' : ''}${parts.join(':')}${fraction}`;
}

/** `123e4567-e89b-12d3-a456-426614174000` */
export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Big-endian two's complement of any length, as Parquet stores decimals. */
export function bigEndianInteger(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`));
}

interface RawJson {
  readonly rawJSON?: (text: string) => unknown;
}

// In every supported Node; TypeScript's library does not know it yet.
const { rawJSON } = JSON as RawJson;

/**
 * JSON text of a value of a binary format: integers with all their digits; floats that JSON has no word for as text.
 * @returns undefined when it cannot be spelled
 */
export function exactJson(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return rawJSON ? rawJSON(String(part)) : String(part);
    return typeof part === 'number' && !Number.isFinite(part) ? String(part) : part;
  });
}
