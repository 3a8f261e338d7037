/** Loss reports as tables for people. */
import type { LossEntry, LossReport } from '../core/loss.ts';

const SAMPLE_WIDTH = 32;

function isPrintable(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return code >= 32 && code !== 127 && !(code >= 128 && code < 160) && code !== 0x2028 && code !== 0x2029;
}

/** One line, at most 32 characters, control characters shown as `·`. */
function shorten(text: string): string {
  const chars = Array.from(text.slice(0, SAMPLE_WIDTH * 2), (char) => (isPrintable(char) ? char : '·'));
  return chars.length > SAMPLE_WIDTH ? `${chars.slice(0, SAMPLE_WIDTH - 1).join('')}…` : chars.join('');
}

function rowOf(entry: LossEntry): string[] {
  const sample = entry.samples[0];
  const example = sample ? `${shorten(sample.before)} -> ${shorten(sample.after)}` : '';
  return [shorten(entry.field), entry.kind, entry.lossless ? 'no' : 'yes', String(entry.count), example];
}

const HEADER = ['field', 'change', 'lossy', 'cells', 'example'];
const CELLS_COLUMN = 3;

/** An aligned plain-text table, most changed cells first, with a total line; ends without a newline. */
export function lossTable(report: LossReport): string {
  const entries = [...report.entries].sort((a, b) => b.count - a.count);
  const rows = [HEADER, ...entries.map(rowOf)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === CELLS_COLUMN ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return [...lines, `${report.cells} of ${report.cellsTotal} cells changed`].join('\n');
}
