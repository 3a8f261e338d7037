/** What every benchmark shares: its shape, medians, and an aligned table. */

export interface BenchContext {
  /** Prints one line for people. */
  say(line: string): void;
  /** How often everything is repeated; undefined leaves it to the benchmark. */
  readonly rounds: number | undefined;
}

/** Runs, reports to people through `say`, and returns the ratios that are quoted. */
export type Bench = (context: BenchContext) => Promise<Readonly<Record<string, number>>>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** First column left, the others right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}
