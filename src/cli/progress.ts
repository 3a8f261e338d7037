/** How far something is: its rate, the time to go, and both as a line for people or as fields for programs. */
import { formatCount, formatDuration } from './format.ts';
import { clip, textWidth, visible } from './printable.ts';
import { cellText, type TableRow } from './table.ts';

const BAR_WIDTH = 24;
/** Time over which the rate is smoothed. */
const RATE_WINDOW_MS = 3_000;

/** What is known when progress is drawn. */
export interface ProgressState {
  readonly label: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: string;
  readonly isLast: boolean;
  readonly elapsedMs: number;
  readonly ratePerSecond: number;
}

/** Smooths the rate over the last seconds; at the end it is the rate of the whole run. */
export function createMeter(startMs: number): {
  elapsedMs(nowMs: number): number;
  rate(nowMs: number, done: number, isLast: boolean): number;
} {
  let [lastMs, lastDone, rate] = [startMs, 0, 0];
  return {
    elapsedMs: (nowMs) => nowMs - startMs,
    rate(nowMs, done, isLast) {
      const passedMs = nowMs - lastMs;
      if (isLast) return nowMs > startMs ? (1_000 * done) / (nowMs - startMs) : 0;
      if (passedMs <= 0) return rate;
      const weight = lastMs === startMs ? 1 : 1 - Math.exp(-passedMs / RATE_WINDOW_MS);
      rate += weight * ((1_000 * (done - lastDone)) / passedMs - rate);
      [lastMs, lastDone] = [nowMs, done];
      return rate;
    },
  };
}

/** Milliseconds to go at this rate; undefined while nobody knows. */
function timeToGo({ total, done, ratePerSecond, isLast }: ProgressState): number | undefined {
  if (total === undefined || isLast || ratePerSecond <= 0) return undefined;
  return (1_000 * Math.max(0, total - done)) / ratePerSecond;
}

/** The state as fields of a JSON line. */
export function progressFields(state: ProgressState): object {
  const etaMs = timeToGo(state);
  return {
    label: state.label,
    done: state.done,
    total: state.total,
    unit: state.unit,
    elapsed_ms: Math.round(state.elapsedMs),
    rate_per_s: Math.round(state.ratePerSecond),
    eta_ms: etaMs === undefined ? undefined : Math.round(etaMs),
    finished: state.isLast,
  };
}

/** The state as one line of at most `width` columns. */
export function progressLine(
  state: ProgressState,
  details: TableRow,
  width: number,
  hasColor: boolean,
  ascii: boolean,
): string {
  const { label, done, total, unit, ratePerSecond, isLast, elapsedMs } = state;
  const etaMs = timeToGo(state);
  const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  const filled = Math.round((share ?? 0) * BAR_WIDTH);
  const [full, empty] = ascii ? ['#', '-'] : ['█', '░'];
  const bar = share === undefined ? '' : full.repeat(filled) + empty.repeat(BAR_WIDTH - filled);
  const head = visible(label);
  const parts = [
    share === undefined ? '' : `${Math.floor(share * 100)} %`,
    `${formatCount(done)}${total === undefined ? '' : `/${formatCount(total)}`} ${unit}`,
    `${formatCount(ratePerSecond)}/s`,
    isLast ? formatDuration(elapsedMs) : etaMs === undefined ? '' : `${formatDuration(etaMs)} to go`,
    ...Object.entries(details).map(([name, value]) => `${visible(name)} ${cellText(value)}`),
  ].filter((text) => text !== '');
  // A narrow terminal needs the numbers more than the bar.
  const hasBar = bar !== '' && textWidth(head) + BAR_WIDTH + 24 <= width;
  const line = clip(
    [head, hasBar ? bar : '', parts.join('  ')].filter((text) => text !== '').join('  '),
    width,
  );
  return hasColor && hasBar ? line.replace(bar, `\u001b[36m${bar}\u001b[39m`) : line;
}

/** Whether the terminal cannot show block characters. */
export function isAscii(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return env['TERM'] === 'linux' || /^(?:C|POSIX)$/.test(locale);
}
