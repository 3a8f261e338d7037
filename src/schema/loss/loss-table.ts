/** Loss reports as tables for people. */
import type { ErrorSpread, LossEntry, LossReport, RefusedEntry } from '../../core/loss.ts';

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

const BARS = '▁▂▃▄▅▆▇█';
/** Decades drawn, of the largest errors; the others are few digits away from nothing. */
const DECADES_SHOWN = 12;

/** `0.4  1e-3 ▂▁▄█ 1e0`: the largest error, then how many errors there are in each decade; empty without errors. */
export function showErrors(error: ErrorSpread | undefined): string {
  const last = error?.decades.at(-1)?.[0];
  if (!error || last === undefined) return '';
  const max = `${Number(error.max.toPrecision(3))}`;
  const counts = new Map(error.decades);
  const first = Math.max(error.decades[0]?.[0] ?? last, last - DECADES_SHOWN + 1);
  if (first === last) return max;
  const most = Math.max(...counts.values());
  const bars = Array.from({ length: last - first + 1 }, (_, index) => {
    const count = counts.get(first + index) ?? 0;
    return count === 0 ? ' ' : (BARS[Math.ceil((count / most) * BARS.length) - 1] ?? ' ');
  });
  return `${max}  1e${first} ${bars.join('')} 1e${last}`;
}

function lossRow(entry: LossEntry, hasErrors: boolean): string[] {
  const sample = entry.samples[0];
  const example = sample ? `${shorten(sample.before)} -> ${shorten(sample.after)}` : '';
  const cells = [shorten(entry.field), entry.kind, entry.lossless ? 'no' : 'yes', String(entry.count)];
  return hasErrors ? [...cells, showErrors(entry.error), example] : [...cells, example];
}

function refusedRow({ field, kind, count, samples: [sample] }: RefusedEntry): string[] {
  return [shorten(field), kind, String(count), sample ? shorten(sample.before) : ''];
}

/** Columns two spaces apart; the column named `cells` to the right. */
function align(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const rows = [head, ...body];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        head[column] === 'cells' ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

function byCount(a: { readonly count: number }, b: { readonly count: number }): number {
  return b.count - a.count;
}

/**
 * An aligned plain-text table, most changed cells first, with a total line; where numbers were rounded, with their
 * largest error and its spread over decades; then the cells that were refused. Ends without a newline.
 */
export function lossTable(report: LossReport): string {
  const hasErrors = report.entries.some(({ error }) => error !== undefined);
  const head = ['field', 'change', 'lossy', 'cells', ...(hasErrors ? ['largest error'] : []), 'example'];
  const rows = [...report.entries].sort(byCount).map((entry) => lossRow(entry, hasErrors));
  const lines = [...align(head, rows), `${report.cells} of ${report.cellsTotal} cells changed`];
  const refused = [...(report.refused ?? [])].sort(byCount);
  if (refused.length > 0) {
    const count = refused.reduce((sum, entry) => sum + entry.count, 0);
    lines.push('', ...align(['field', 'refused for', 'cells', 'example'], refused.map(refusedRow)));
    lines.push(`${count} ${count === 1 ? 'cell' : 'cells'} refused, whose rows did not land in this way`);
  }
  return lines.join('\n');
}
