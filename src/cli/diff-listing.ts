/** Changes as text for a terminal, in the manner of `diff`; data never moves the cursor. */
import type { DiffChange, DiffReport } from '../diff/change.ts';
import { Decimal, Instant } from '../diff/typed-value.ts';
import { showValue } from '../schema/change.ts';
import { formatCount } from './format.ts';
import { clip, visible } from './printable.ts';

/** How changes are shown. */
export interface ListingStyle {
  readonly hasColor: boolean;
  /** Longer lines are cut; undefined = nothing is cut. */
  readonly columns: number | undefined;
  /** Names of the key fields. */
  readonly keyFields: readonly string[];
}

const SIGNS = { removed: '-', added: '+', changed: '~' } as const;
const COLORS = { removed: 31, added: 32, changed: 33 } as const;
const RECORD_FIELDS_MAX = 8;
const CELLS_MAX = 10;

/** A value of any side as short text. */
export function showCell(value: unknown): string {
  return value instanceof Instant || value instanceof Decimal ? String(value) : showValue(value);
}

/** What tells the record: its key fields, or its rows. */
export function showKey(change: DiffChange, keyFields: readonly string[]): string {
  if (keyFields.length > 0)
    return keyFields.map((name, index) => `${name}=${showCell(change.key[index])}`).join(' ');
  return `row ${formatCount((change.kind === 'added' ? change.rowB : change.rowA) + 1)}`;
}

/** A record as its first few fields. */
export function showRecord(change: DiffChange, keyFields: readonly string[]): string {
  if (change.kind === 'changed') return '';
  const names = Object.keys(change.record).filter((name) => !keyFields.includes(name));
  const shown = names.slice(0, RECORD_FIELDS_MAX).map((name) => `${name}=${showCell(change.record[name])}`);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(' ')} … ${formatCount(more)} more` : shown.join(' ');
}

function lineOf(text: string, kind: DiffChange['kind'], { hasColor, columns }: ListingStyle): string {
  const safe = visible(text);
  const line = columns === undefined ? safe : clip(safe, columns);
  return hasColor ? `\u001b[${COLORS[kind]}m${line}\u001b[39m` : line;
}

/** The lines of one change. */
function changeLines(change: DiffChange, style: ListingStyle): readonly string[] {
  const { keyFields } = style;
  const head = `${SIGNS[change.kind]} ${showKey(change, keyFields)}`;
  if (change.kind !== 'changed') {
    const record = showRecord(change, keyFields);
    return [lineOf(record === '' ? head : `${head}  ${record}`, change.kind, style)];
  }
  const shown = change.cells.slice(0, CELLS_MAX);
  const cells = shown.map(({ field, before, after }) => {
    const text = visible(`    ${field}: ${showCell(before)} → ${showCell(after)}`);
    return style.columns === undefined ? text : clip(text, style.columns);
  });
  const more = change.cells.length - shown.length;
  if (more > 0) cells.push(`    … ${formatCount(more)} more fields`);
  return [lineOf(head, change.kind, style), ...cells];
}

/** The samples of a report, with how many there are beyond them. */
export function listing(report: DiffReport, style: ListingStyle): string {
  const lines = report.samples.flatMap((change) => changeLines(change, style));
  for (const kind of ['changed', 'removed', 'added'] as const) {
    const more = report[kind] - report.samples.filter((change) => change.kind === kind).length;
    if (more > 0) lines.push(lineOf(`${SIGNS[kind]} … ${formatCount(more)} more ${kind}`, kind, style));
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
