/** How fast replay may go: options, their defaults, and what is refused. */
import { ConfigError } from '../../core/errors.ts';

export interface PaceSettings {
  /** Most rows per second that replay sends, whatever the sink bears. @default no limit */
  readonly rowsPerSecondMax?: number;
  /** Rows per second that replay begins with; it doubles from there until the first sign of trouble. @default 25_000 */
  readonly rowsPerSecondStart?: number;
  /**
   * Share of what the sink bears, 0 to below 1, that replay leaves alone while the same process writes to it. @default 0.5
   */
  readonly liveShare?: number;
  /** Answers this many times slower than the quickest of their size mean overload. @default 5 */
  readonly latencyRatioMax?: number;
  /** First pause after the sink went away, in milliseconds; doubles with each failed probe. @default 1_000 */
  readonly pauseMs?: number;
  /** Longest pause, in milliseconds. @default 30_000 */
  readonly pauseMaxMs?: number;
}

export type Pacing = Required<PaceSettings>;

const DEFAULTS: Pacing = {
  rowsPerSecondMax: Number.POSITIVE_INFINITY,
  rowsPerSecondStart: 25_000,
  liveShare: 0.5,
  latencyRatioMax: 5,
  pauseMs: 1_000,
  pauseMaxMs: 30_000,
};

interface Range {
  readonly words: string;
  readonly holds: (value: number) => boolean;
}

const AT_LEAST_ONE: Range = { words: 'a number of at least 1', holds: (value) => value >= 1 };
const RANGES: Readonly<Record<keyof Pacing, Range>> = {
  rowsPerSecondMax: AT_LEAST_ONE,
  rowsPerSecondStart: AT_LEAST_ONE,
  liveShare: { words: 'a number from 0 to below 1', holds: (value) => value >= 0 && value < 1 },
  latencyRatioMax: { words: 'a number above 1', holds: (value) => value > 1 },
  pauseMs: AT_LEAST_ONE,
  pauseMaxMs: AT_LEAST_ONE,
};

/** @throws ConfigError naming the option, what was found and what was expected */
export function checkPace(settings: PaceSettings): Pacing {
  for (const [name, value] of Object.entries(settings) as [string, unknown][]) {
    const range = Object.hasOwn(RANGES, name) ? RANGES[name as keyof Pacing] : undefined;
    if (!range) throw refusal(name, 'is not an option', `Options are ${Object.keys(RANGES).join(', ')}.`);
    if (value === undefined || (typeof value === 'number' && range.holds(value))) continue;
    throw refusal(name, `found ${String(value)}, expected ${range.words}`, 'Correct the option.');
  }
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const pacing: Pacing = { ...DEFAULTS, ...Object.fromEntries(given) };
  if (pacing.pauseMaxMs >= pacing.pauseMs) return pacing;
  const words = `found ${pacing.pauseMaxMs}, expected at least pauseMs, which is ${pacing.pauseMs}`;
  throw refusal('pauseMaxMs', words, 'Correct the option.');
}

function refusal(name: string, words: string, hint: string): ConfigError {
  return new ConfigError(`worker.pace.${name}`, words, hint);
}
