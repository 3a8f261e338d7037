/** The diff validator's view of time: writes the new cell back as digits and compares those with the old text. */
import type { Cell } from '../core/columns.ts';
import type { FieldPlan } from './field-plan.ts';
import { unitDigits } from './time-grammar.ts';

const OFFSET = /([+-])(\d\d):?(\d\d)?$/;
/** YYYYMMDDHHMMSS */
const SECOND_DIGITS = 14;

function digitsOf(text: string): string {
  return text.replace(/\D/g, '');
}

/** `YYYYMMDDHHMMSS` and the decimals of the unit, shifted east. */
function showDigits(field: FieldPlan, cell: string | bigint, eastMinutes: number): string {
  if (typeof cell === 'string') return digitsOf(cell).padEnd(SECOND_DIGITS, '0');
  const decimals = unitDigits(field.column.unit ?? 's');
  const perSecond = 10n ** BigInt(decimals);
  const fraction = ((cell % perSecond) + perSecond) % perSecond;
  const seconds = (cell - fraction) / perSecond + BigInt(eastMinutes * 60);
  const shown = new Date(Number(seconds) * 1000);
  if (Number.isNaN(shown.getTime())) return '';
  const tail = decimals === 0 ? '' : String(fraction).padStart(decimals, '0');
  return digitsOf(shown.toISOString()).slice(0, SECOND_DIGITS) + tail;
}

/** Whether text and cell are the same day and time, down to the column's unit. */
export function isSameTime(field: FieldPlan, before: unknown, after: Cell): boolean {
  if (typeof before !== 'string' || (typeof after !== 'string' && typeof after !== 'bigint')) return false;
  const text = before.trim();
  // A declared format has its own order of digits: it is read again.
  if (field.reader.read(text, 'typed') === after) return true;
  const offset = text.length > 10 ? OFFSET.exec(text.slice(10)) : null;
  const east = offset ? Number(offset[2]) * 60 + Number(offset[3] ?? 0) : 0;
  const shown = showDigits(field, after, offset?.[1] === '-' ? -east : east);
  const written = digitsOf(offset ? text.slice(0, -offset[0].length) : text);
  return shown !== '' && written.padEnd(shown.length, '0').slice(0, shown.length) === shown;
}

/** Whether the cell is this number of seconds or of milliseconds, within one unit. */
export function isSameEpoch(field: FieldPlan, before: unknown, after: Cell): boolean {
  if (typeof before !== 'number' || typeof after !== 'bigint') return false;
  const perSecond = 10 ** unitDigits(field.column.unit ?? 's');
  const tolerated = Math.max(1, Math.abs(Number(after)) * Number.EPSILON * 4);
  return [before, before / 1000].some((seconds) => Math.abs(seconds * perSecond - Number(after)) <= tolerated);
}
