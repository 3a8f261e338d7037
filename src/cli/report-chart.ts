/** Where the records are over time, as a stacked SVG area plot: its height is all records taken in. */
import { formatCount, formatDuration } from './format.ts';
import { type Html, html } from './html.ts';

/** Records in each state at one moment; together they are all records taken in so far. */
export interface TimelinePoint {
  /** Milliseconds; only differences matter. */
  readonly atMs: number;
  /** In the sink as submitted, at once. */
  readonly delivered: number;
  /** In the sink with a written-down loss. */
  readonly degraded: number;
  /** In the sink by replay, after having been deferred. */
  readonly replayed: number;
  /** Stored raw and still waiting for replay. */
  readonly deferred: number;
  /** Kept because replay cannot land them. */
  readonly quarantined: number;
  /** Handed back to the caller. */
  readonly rejected: number;
}

export interface Scene {
  readonly title: string;
  readonly text: string;
  /** On the same axis as the timeline. */
  readonly atMs: number;
}

/** From the bottom of the stack to its top, with the words of the legend. */
export const SERIES = [
  ['delivered', 'delivered'],
  ['degraded', 'delivered degraded'],
  ['replayed', 'replayed into the sink'],
  ['deferred', 'deferred, waiting'],
  ['quarantined', 'quarantined'],
  ['rejected', 'rejected'],
] as const satisfies readonly (readonly [keyof TimelinePoint, string])[];

const WIDTH = 1000;
const HEIGHT = 340;
const PLOT = { left: 84, right: 984, top: 34, bottom: 296 };
const POINTS_MAX = 400;
const TICKS = 5;

interface Scales {
  readonly startMs: number;
  readonly spanMs: number;
  readonly max: number;
  x(atMs: number): number;
  y(records: number): number;
}

export function totalOf(point: TimelinePoint): number {
  return SERIES.reduce((sum, [key]) => sum + point[key], 0);
}

/** The plot with axes and numbered scene marks; a line of words when there is nothing to plot. */
export function timelineSvg(timeline: readonly TimelinePoint[], scenes: readonly Scene[]): Html {
  const points = thinOut([...timeline].sort((a, b) => a.atMs - b.atMs));
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return html`<p class="quiet">No samples were taken.</p>`;
  const scales = scalesOf(points, first.atMs, last.atMs);
  const words = SERIES.map(([key, name]) => `${formatCount(last[key])} ${name}`).join(', ');
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="chart-title chart-words">
<title id="chart-title">Where the records are over time</title>
<desc id="chart-words">At the end: ${words}.</desc>
${drawAxes(scales)}
${SERIES.map((_, index) => drawArea(points, index, scales))}
${scenes.map((scene, index) => drawScene(scene, index + 1, scales))}
</svg>`;
}

/** Enough points for the width of the plot; the first and the last always stay. */
function thinOut(points: readonly TimelinePoint[]): readonly TimelinePoint[] {
  if (points.length <= POINTS_MAX) return points;
  const step = (points.length - 1) / (POINTS_MAX - 1);
  return Array.from({ length: POINTS_MAX }, (_, index) => points[Math.round(index * step)]).filter(
    (point) => point !== undefined,
  );
}

function scalesOf(points: readonly TimelinePoint[], startMs: number, endMs: number): Scales {
  const spanMs = Math.max(1, endMs - startMs);
  const max = roundUp(Math.max(1, ...points.map(totalOf)));
  const clamp = (share: number): number => Math.min(1, Math.max(0, share));
  const round = (value: number): number => Math.round(value * 10) / 10;
  return {
    startMs,
    spanMs,
    max,
    x: (atMs) => round(PLOT.left + (PLOT.right - PLOT.left) * clamp((atMs - startMs) / spanMs)),
    y: (records) => round(PLOT.bottom - (PLOT.bottom - PLOT.top) * clamp(records / max)),
  };
}

/** The next multiple of the step between ticks, so that the highest tick is above the data. */
function roundUp(max: number): number {
  const [, step = max] = ticks(max, TICKS);
  return Math.ceil(max / step) * step;
}

/** Round values from 0 up to `max`, about `count` of them. */
export function ticks(max: number, count: number, steps: readonly number[] = [1, 2, 5, 10]): readonly number[] {
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (steps.find((candidate) => candidate * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, index) => index * step);
}

/** Steps of time that people read at once, in milliseconds. */
const TIME_STEPS_MS = [
  1, 5, 10, 50, 100, 250, 500, 1e3, 2e3, 5e3, 1e4, 1.5e4, 3e4, 6e4, 3e5, 6e5, 18e5, 36e5, 216e5, 864e5,
];

function timeTicks(spanMs: number): readonly number[] {
  const step = TIME_STEPS_MS.find((candidate) => candidate >= spanMs / 9) ?? spanMs;
  return Array.from({ length: Math.floor(spanMs / step) + 1 }, (_, index) => index * step);
}

function tickText(ms: number): string {
  if (ms === 0) return '0';
  return ms < 60_000 && ms % 1_000 === 0 ? `${ms / 1_000} s` : formatDuration(ms);
}

function drawAxes({ startMs, spanMs, max, x, y }: Scales): Html {
  const rows = ticks(max, TICKS).filter((value) => Number.isInteger(value));
  return html`<g class="axes">${rows.map(
    (value) =>
      html`<path class="grid" d="M${PLOT.left} ${y(value)}H${PLOT.right}"/><text x="${PLOT.left - 8}" y="${y(value) + 4}" text-anchor="end">${formatCount(value)}</text>`,
  )}${timeTicks(spanMs).map(
    (ms) =>
      html`<path class="tick" d="M${x(startMs + ms)} ${PLOT.bottom}v5"/><text x="${x(startMs + ms)}" y="${PLOT.bottom + 19}" text-anchor="middle">${tickText(ms)}</text>`,
  )}<text class="unit" x="${PLOT.right}" y="${HEIGHT - 6}" text-anchor="end">time since the start</text><text class="unit" x="${PLOT.left - 8}" y="${PLOT.top - 12}" text-anchor="end">records</text></g>`;
}

function drawArea(points: readonly TimelinePoint[], index: number, { x, y }: Scales): Html | undefined {
  const [key] = SERIES[index] ?? [];
  if (!key || points.every((point) => point[key] === 0)) return undefined;
  const below = (point: TimelinePoint): number =>
    SERIES.slice(0, index).reduce((sum, [name]) => sum + point[name], 0);
  const upper = points.map((point) => `${x(point.atMs)} ${y(below(point) + point[key])}`);
  const lower = points.map((point) => `${x(point.atMs)} ${y(below(point))}`).reverse();
  return html`<path class="area ${key}" d="M${[...upper, ...lower].join('L')}Z"/>`;
}

function drawScene({ title, atMs }: Scene, number: number, { x }: Scales): Html {
  const at = x(atMs);
  return html`<g class="scene"><title>${number}. ${title}</title><path d="M${at} ${PLOT.top - 8}V${PLOT.bottom}"/><circle cx="${at}" cy="${PLOT.top - 16}" r="9"/><text x="${at}" y="${PLOT.top - 12}" text-anchor="middle">${number}</text></g>`;
}
