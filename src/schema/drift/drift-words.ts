/** Drift in words: one bounded line for a log, a table for people. */
import { type DriftEntry, type DriftReport, partOf } from './drift-report.ts';

const NAMED_MAX = 8;
const NAME_WIDTH = 40;
const VALUE_WIDTH = 32;

function isPrintable(char: string): boolean {
  return !/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(char);
}

/** One line of at most `width` characters, what cannot be seen shown as `·`. */
function shorten(text: string, width: number): string {
  const chars = Array.from(
    text
      .slice(0, width * 2)
      .toWellFormed()
      .replace(/\s+/g, ' '),
    (char) => (isPrintable(char) ? char : '·'),
  );
  return chars.length > width ? `${chars.slice(0, width - 1).join('')}…` : chars.join('');
}

function byCount(a: DriftEntry, b: DriftEntry): number {
  return b.count - a.count;
}

/** `Title: type 3x; US Gross: extra 64x; …` with the most frequent first: at most 8 of them, names of at most 40 characters. */
export function describeDrift(entries: readonly DriftEntry[]): string {
  const sorted = [...entries].sort(byCount);
  const shown = sorted
    .slice(0, NAMED_MAX)
    .map(({ field, kind, count }) => `${shorten(field, NAME_WIDTH)}: ${kind} ${count}x`);
  if (sorted.length > NAMED_MAX) shown.push(`and ${sorted.length - NAMED_MAX} more`);
  return shown.join('; ');
}

/** A part as people read it; what is not nothing is never shown as 0 %, nor what is not all as 100 %. */
export function percent(part: number): string {
  if (part === 0 || part === 1) return `${part * 100} %`;
  if (part < 0.0001) return '<0.01 %';
  return part > 0.9999 ? '>99.99 %' : `${(part * 100).toFixed(part < 0.1 ? 2 : 1)} %`;
}

const HEADER = ['field', 'mismatch', 'cells', 'of field', 'example'];
const RIGHT_ALIGNED: ReadonlySet<number> = new Set([2, 3]);

function rowOf(entry: DriftEntry, cells: ReadonlyMap<string, number>): string[] {
  const [sample] = entry.samples;
  const total = entry.isDeclared ? cells.get(entry.field) : undefined;
  return [
    shorten(entry.field, NAME_WIDTH),
    entry.kind,
    String(entry.count),
    total === undefined ? '' : percent(partOf(entry.count, total)),
    sample ? `row ${sample.row}: ${shorten(sample.value, VALUE_WIDTH)}` : '',
  ];
}

function totalOf(report: DriftReport): string {
  const { cells, mismatched, divergence, rows, undecodable } = report;
  const unread = undecodable > 0 ? `; ${undecodable} more could not be read` : '';
  return `${mismatched} of ${cells} cells mismatched (${percent(divergence)}) in ${rows} rows${unread}`;
}

/** An aligned plain-text table, most mismatched cells first, with a total line; ends without a newline. */
export function driftTable(report: DriftReport): string {
  if (report.entries.length === 0) return totalOf(report);
  const cells = new Map(report.fields.map((field) => [field.field, field.cells]));
  const rows = [HEADER, ...[...report.entries].sort(byCount).map((entry) => rowOf(entry, cells))];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return RIGHT_ALIGNED.has(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return [...lines, totalOf(report)].join('\n');
}
