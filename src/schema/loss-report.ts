/** Loss reports: adding them up and printing them. */
import type { LossEntry, LossReport } from '../core/loss.ts';

export const SAMPLES_MAX = 3;
const SAMPLE_WIDTH = 32;

/** The report of a batch in which nothing changed. */
export const emptyLoss: LossReport = Object.freeze({ entries: Object.freeze([]), cells: 0, cellsTotal: 0 });

function keyOf(entry: LossEntry): string {
  return JSON.stringify([entry.field, entry.kind, entry.lossless]);
}

/** One report over both; neither is changed. Counts add up, the first samples stay. */
export function mergeLoss(a: LossReport, b: LossReport): LossReport {
  const entries = new Map<string, LossEntry>();
  for (const entry of [...a.entries, ...b.entries]) {
    const known = entries.get(keyOf(entry));
    entries.set(keyOf(entry), {
      ...entry,
      count: (known?.count ?? 0) + entry.count,
      samples: [...(known?.samples ?? []), ...entry.samples].slice(0, SAMPLES_MAX),
    });
  }
  return {
    entries: [...entries.values()],
    cells: a.cells + b.cells,
    cellsTotal: a.cellsTotal + b.cellsTotal,
  };
}

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
