/** The latencies as a self-contained SVG: log scale, grouped by tier, readable on light and on dark pages. */

export interface PlotColumn {
  readonly rows: number;
  readonly lanes: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** p50 of the floor for the same rows and lanes. */
  readonly floor: number | undefined;
}

export interface PlotGroup {
  readonly label: string;
  /** What the floor is. */
  readonly floor: string | undefined;
  readonly columns: readonly PlotColumn[];
}

const WIDTH = 1040;
const HEIGHT = 520;
const PLOT = { left: 78, right: 1020, top: 104, bottom: 418 };
const GROUP_GAP = 26;

// Okabe and Ito: apart for every kind of colour vision, and on both backgrounds.
const STYLE = `
  svg { color-scheme: light dark; --page: #fff; --ink: #16202c; --quiet: #5a6675; --line: #d9dee5; --band: #f4f6f8; --few: #0072b2; --many: #d55e00; }
  @media (prefers-color-scheme: dark) { svg { --page: #12181f; --ink: #e6ebf1; --quiet: #9aa7b6; --line: #2d3845; --band: #19212a; --few: #56b4e9; --many: #e69f00; } }
  text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: var(--ink); }
  .page { fill: var(--page); } .band { fill: var(--band); }
  .title { font-size: 17px; font-weight: 650; } .group { font-size: 13.5px; font-weight: 650; }
  .quiet { fill: var(--quiet); color: var(--quiet); } .line { stroke: var(--line); } .faint { stroke: var(--line); stroke-opacity: 0.45; }
  .few { color: var(--few); } .many { color: var(--many); }
  .range { stroke: currentColor; stroke-width: 2; stroke-opacity: 0.55; }
  .mark { fill: currentColor; } .bar { stroke: currentColor; stroke-width: 3; } .hollow { fill: var(--page); stroke: currentColor; stroke-width: 2; }
  .floor { stroke: var(--quiet); stroke-width: 2; stroke-dasharray: 3 2; }`;

type Y = (ms: number) => number;

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Powers of ten between which every value is, with a little room. */
function rangeOf(groups: readonly PlotGroup[]): readonly [low: number, high: number] {
  const values = groups.flatMap(({ columns }) =>
    columns.flatMap(({ p50, p99, floor }) => (floor === undefined ? [p50, p99] : [p50, p99, floor])),
  );
  return [Math.log10(Math.min(...values)) - 0.15, Math.log10(Math.max(...values)) + 0.15];
}

function drawText(x: number, y: number, words: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${words}</text>`;
}

/** p50 a disc, p95 a ring, p99 a bar, which the ring does not hide when both are close. */
function drawMarks(x: number, y: Y, { p50, p95, p99, floor, lanes, rows }: PlotColumn): string {
  const words = `${rows} rows, ${lanes} at once: p50 ${p50.toFixed(3)} ms, p95 ${p95.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms`;
  const floorMark = floor === undefined ? '' : `<path class="floor" d="M${round(x - 11)} ${y(floor)}h22"/>`;
  return `<g class="${lanes === 1 ? 'few' : 'many'}"><title>${words}</title>${floorMark}
<path class="range" d="M${x} ${y(p50)}V${y(p99)}"/>
<path class="bar" d="M${round(x - 8)} ${y(p99)}h16"/><circle class="hollow" cx="${x}" cy="${y(p95)}" r="4"/><circle class="mark" cx="${x}" cy="${y(p50)}" r="5"/></g>`;
}

function drawGroup(group: PlotGroup, left: number, width: number, y: Y): string {
  const { columns, label, floor } = group;
  const step = width / columns.length;
  const middle = left + width / 2;
  const columnOf = (index: number): number => round(left + step * (index + 0.5));
  const marks = columns.map((column, index) => drawMarks(columnOf(index), y, column));
  // Columns of one size stand side by side, one per concurrency, under one label.
  const sizes = [...new Set(columns.map(({ rows }) => rows))];
  const labels = sizes.map((rows, index) => {
    const x = left + (width / sizes.length) * (index + 0.5);
    return drawText(x, PLOT.bottom + 19, rows.toLocaleString('en'), 'text-anchor="middle"');
  });
  const footnote = floor === undefined ? 'no floor' : `floor: ${floor}`;
  return `${marks.join('\n')}
${labels.join('')}
${drawText(middle, PLOT.bottom + 42, label, 'class="group" text-anchor="middle"')}
${drawText(middle, PLOT.bottom + 59, footnote, 'class="quiet" text-anchor="middle"')}`;
}

function msText(ms: number): string {
  return ms < 1 ? `${round(ms * 1_000)} µs` : `${ms.toLocaleString('en')} ms`;
}

function drawAxis([low, high]: readonly [number, number], y: Y): string {
  const lines: string[] = [];
  for (let power = Math.floor(low); power <= high; power += 1) {
    for (const times of [1, 2, 5]) {
      const ms = times * 10 ** power;
      const at = Math.log10(ms);
      if (at < low || at > high) continue;
      lines.push(`<path class="${times === 1 ? 'line' : 'faint'}" d="M${PLOT.left} ${y(ms)}H${PLOT.right}"/>`);
      if (times === 1)
        lines.push(drawText(PLOT.left - 8, y(ms) + 4, msText(ms), 'class="quiet" text-anchor="end"'));
    }
  }
  return lines.join('');
}

function drawLegend(): string {
  const y = 74;
  const items: readonly (readonly [x: number, mark: string, words: string])[] = [
    [PLOT.left, `<circle class="mark" cx="6" cy="0" r="5"/>`, 'p50'],
    [PLOT.left + 60, `<circle class="hollow" cx="6" cy="0" r="4"/>`, 'p95'],
    [PLOT.left + 120, `<path class="bar" d="M-2 0h16"/>`, 'p99'],
    [
      PLOT.left + 196,
      `<rect class="few" fill="currentColor" x="0" y="-6" width="12" height="12" rx="3"/>`,
      '1 batch at a time',
    ],
    [
      PLOT.left + 350,
      `<rect class="many" fill="currentColor" x="0" y="-6" width="12" height="12" rx="3"/>`,
      '16 at a time',
    ],
    [PLOT.left + 480, `<path class="floor" d="M-4 0h20"/>`, 'p50 of the floor in the same run'],
  ];
  return items
    .map(
      ([x, mark, words]) =>
        `<g class="quiet" transform="translate(${x} ${y})">${mark}${drawText(20, 4, words)}</g>`,
    )
    .join('');
}

/** @param rounds how many medians were taken over */
export function drawPlot(groups: readonly PlotGroup[], rounds: number): string {
  const range = rangeOf(groups);
  const [low, high] = range;
  const y: Y = (ms) => round(PLOT.bottom - ((Math.log10(ms) - low) / (high - low)) * (PLOT.bottom - PLOT.top));
  const width = (PLOT.right - PLOT.left - GROUP_GAP * (groups.length - 1)) / groups.length;
  const leftOf = (index: number): number => PLOT.left + index * (width + GROUP_GAP);
  const bands = groups.map(
    (_, index) =>
      `<rect class="band" x="${round(leftOf(index))}" y="${PLOT.top}" width="${round(width)}" height="${PLOT.bottom - PLOT.top}" rx="4"/>`,
  );
  const drawn = groups.map((group, index) => drawGroup(group, leftOf(index), width, y));
  const words = `Median of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}; SQLite sink and journal on disk; ten fields, about 210 bytes a row.`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title words">
<title id="title">Latency of each tier</title><desc id="words">${words}</desc><style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>
${drawText(PLOT.left, 30, 'Latency of each tier per batch, log scale', 'class="title"')}
${drawText(PLOT.left, 50, words, 'class="quiet"')}
${drawLegend()}
${bands.join('')}
${drawAxis(range, y)}
${drawn.join('\n')}
${drawText((PLOT.left + PLOT.right) / 2, HEIGHT - 14, 'rows per batch', 'class="quiet" text-anchor="middle"')}
</svg>
`;
}
