/** Rows as an aligned plain-text table. */
import { formatCount } from './format.ts';
import { clip, textWidth, visible } from './printable.ts';

export type Cell = string | number | undefined;
export type TableRow = Readonly<Record<string, Cell>>;

/** A cell for people: numbers with separators, text without control characters. */
export function cellText(value: Cell): string {
  if (value === undefined) return '';
  return typeof value === 'string'
    ? visible(value)
    : Number.isInteger(value)
      ? formatCount(value)
      : String(value);
}

/** Columns shrink from the widest when a terminal is too narrow; into a file or a pipe everything is written. */
export function tableText(rows: readonly TableRow[], columns: number | undefined): string {
  const names = Object.keys(rows[0] ?? {});
  if (names.length === 0) return '(none)\n';
  const cells = [names.map(visible), ...rows.map((row) => names.map((name) => cellText(row[name])))];
  const widths = names.map((_, column) => Math.max(...cells.map((line) => textWidth(line[column] ?? ''))));
  const excess = (): number =>
    widths.reduce((sum, width) => sum + width + 2, -2) - (columns ?? Number.POSITIVE_INFINITY);
  while (excess() > 0 && Math.max(...widths) > 8) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = Math.max(8, (widths[widest] ?? 0) - excess());
  }
  const isNumber = names.map((name) =>
    rows.every((row) => typeof row[name] === 'number' || row[name] === undefined),
  );
  const pad = (text: string, column: number): string => {
    const shown = clip(text, widths[column] ?? 0);
    const space = ' '.repeat(Math.max(0, (widths[column] ?? 0) - textWidth(shown)));
    return isNumber[column] ? space + shown : shown + space;
  };
  const lines = cells.map((line) => line.map(pad).join('  ').trimEnd());
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return `${lines.join('\n')}\n`;
}
