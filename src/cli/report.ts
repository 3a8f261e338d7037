/**
 * The report of a run as one HTML file: it loads nothing, runs nothing and shows data only as text.
 *
 * W1 whether a ledger is balanced is computed here, from the numbers that are shown. W2 the content security policy allows
 * this style sheet and nothing else. W3 the same input gives the same bytes.
 */
import type { ChainGraph } from '../chain/chain.ts';
import type { LossReport } from '../core/loss.ts';
import { formatBytes, formatCount, formatDuration, formatShare } from './format.ts';
import { type Html, html } from './html.ts';
import { htmlPage } from './html-page.ts';
import { type Scene, SERIES, type TimelinePoint, timelineSvg, totalOf } from './report-chart.ts';
import { chainSvg } from './report-graph.ts';
import { lossSection, omitted, ROWS_MAX } from './report-loss.ts';

export type { Scene, TimelinePoint } from './report-chart.ts';

export interface LedgerLine {
  readonly label: string;
  readonly records: number;
}

/** One equation of the accounting: `total` must be the sum of `parts`. */
export interface LedgerEquation {
  readonly title: string;
  readonly total: LedgerLine;
  readonly parts: readonly LedgerLine[];
}

/** Proof of completeness of one stored object, or of one outage. */
export interface CompletenessLine {
  readonly ref: string;
  /** Records that had to be found again. */
  readonly records: number;
  /** Records that the sink holds or that are in quarantine. */
  readonly found: number;
  /** Keys of the first few that are missing. */
  readonly missing: readonly string[];
}

export interface ReportFile {
  readonly path: string;
  readonly bytes?: number;
  readonly description: string;
}

export interface ReportInput {
  readonly title: string;
  /** One sentence below the title. */
  readonly summary?: string;
  readonly graph: ChainGraph;
  /** The same chain as text, to be copied. */
  readonly chainMermaid?: string;
  readonly timeline: readonly TimelinePoint[];
  readonly loss: LossReport;
  readonly ledger: readonly LedgerEquation[];
  readonly completeness: readonly CompletenessLine[];
  readonly files: readonly ReportFile[];
  readonly scenes: readonly Scene[];
  /** Commands and hints to look further; a line that starts with `$ ` is shown as a command. */
  readonly howToLook: readonly string[];
}

/** The whole page as text. Pure. */
export function renderReport(input: ReportInput): string {
  const sections = [
    chainSection(input),
    timelineSection(input),
    ledgerSection(input.ledger),
    lossSection(input.loss),
    completenessSection(input.completeness),
    filesSection(input.files),
    lookSection(input.howToLook),
  ];
  const body = html`<header><h1>${input.title}</h1>${input.summary === undefined ? '' : html`<p class="quiet">${input.summary}</p>`}${verdict(input)}</header>
<main>${tiles(input)}${sections}</main>
<footer>Written by tierfall. This file is complete by itself and loads nothing.</footer>`;
  return htmlPage(input.title, body);
}

function unaccounted({ total, parts }: LedgerEquation): number {
  return total.records - parts.reduce((sum, { records }) => sum + records, 0);
}

function missingOf(lines: readonly CompletenessLine[]): number {
  return lines.reduce((sum, { records, found }) => sum + Math.abs(records - found), 0);
}

function verdict({ ledger, completeness, timeline }: ReportInput): Html {
  const wrong = ledger.filter((equation) => unaccounted(equation) !== 0);
  const missing = missingOf(completeness);
  if (wrong.length === 0 && missing === 0 && ledger.length > 0) {
    const last = timeline.at(-1);
    const records = last ? totalOf(last) : (ledger[0]?.total.records ?? 0);
    return html`<div class="verdict good"><span class="sign" aria-hidden="true">✓</span><div><strong>Balanced.</strong> Every one of ${formatCount(records)} records is accounted for.</div></div>`;
  }
  const faults = [
    ledger.length === 0 ? 'there is no ledger' : '',
    ...wrong.map((equation) => `${equation.title}: ${signed(unaccounted(equation))} records unaccounted for`),
    missing === 0 ? '' : `${formatCount(missing)} stored records not found again`,
  ].filter((fault) => fault !== '');
  return html`<div class="verdict bad" role="alert"><span class="sign" aria-hidden="true">!</span><div><strong>NOT balanced.</strong> ${faults.join('; ')}.</div></div>`;
}

function signed(value: number): string {
  return value > 0 ? formatCount(value) : `−${formatCount(-value)}`;
}

function tiles({ timeline }: ReportInput): Html | undefined {
  const last = timeline.at(-1);
  if (!last) return undefined;
  const total = totalOf(last);
  const shown = SERIES.filter(([key]) => last[key] > 0 || key === 'delivered');
  return html`<ul class="tiles"><li><span class="number">${formatCount(total)}</span><span class="label">records taken in</span></li>${shown.map(
    ([key, name]) =>
      html`<li class="${key}"><span class="number">${formatCount(last[key])}</span><span class="label">${name} · ${formatShare(last[key], total)}</span></li>`,
  )}</ul>`;
}

function chainSection({ graph, chainMermaid }: ReportInput): Html {
  const source =
    chainMermaid === undefined
      ? undefined
      : html`<details><summary>The same as Mermaid text</summary><pre><code>${chainMermaid}</code></pre></details>`;
  return html`<section><h2>The chain</h2><p class="quiet">Records enter at ${graph.entry}. An edge is taken for the reasons written on it; what lands on a tier goes no further.</p><div class="scroll" tabindex="0" role="region" aria-label="Chain">${chainSvg(graph)}</div>${source}</section>`;
}

function timelineSection({ timeline, scenes }: ReportInput): Html {
  const last = timeline.at(-1);
  const startMs = timeline[0]?.atMs ?? 0;
  const shown = SERIES.filter(([key]) => timeline.some((point) => point[key] > 0));
  const legend = last
    ? html`<ul class="legend">${shown.map(([key, name]) => html`<li><span class="swatch ${key}"></span>${name} <b>${formatCount(last[key])}</b></li>`)}</ul>`
    : undefined;
  const told = scenes.map(
    ({ title, text, atMs }, index) =>
      html`<li><span class="badge">${index + 1}</span><div><h3>${title} <span class="at">at ${formatDuration(Math.max(0, atMs - startMs))}</span></h3><p>${text}</p></div></li>`,
  );
  return html`<section><h2>Where the records are</h2><p class="quiet">The height is every record taken in so far. Nothing leaves the picture: a record only changes its colour.</p><div class="scroll" tabindex="0" role="region" aria-label="Records over time">${timelineSvg(timeline, scenes)}</div>${legend}${told.length === 0 ? undefined : html`<ol class="scenes">${told}</ol>`}</section>`;
}

function ledgerSection(ledger: readonly LedgerEquation[]): Html {
  const equations = ledger.map((equation) => {
    const off = unaccounted(equation);
    const mark =
      off === 0
        ? html`<span class="mark good">✓ balanced</span>`
        : html`<span class="mark bad">✗ NOT balanced: ${signed(off)}</span>`;
    const parts = equation.parts.map(
      ({ label, records }) =>
        html`<tr><th scope="row">${label}</th><td class="count">${formatCount(records)}</td></tr>`,
    );
    return html`<div><div class="title"><h3>${equation.title}</h3>${mark}</div><table><thead><tr><th scope="col">${equation.total.label}</th><th scope="col" class="count">${formatCount(equation.total.records)}</th></tr></thead><tbody>${parts}<tr class="sum"><th scope="row">unaccounted for</th><td class="count">${off === 0 ? '0' : signed(off)}</td></tr></tbody></table></div>`;
  });
  return html`<section><h2>The ledger</h2><p class="quiet">What went in is the sum of where it is now.</p><div class="ledger">${equations}</div></section>`;
}

function completenessSection(lines: readonly CompletenessLine[]): Html | undefined {
  if (lines.length === 0) return undefined;
  const rows = lines.slice(0, ROWS_MAX).map(({ ref, records, found, missing }) => {
    const mark =
      records === found
        ? html`<span class="mark good">✓ complete</span>`
        : html`<span class="mark bad">✗ missing ${formatCount(records - found)}</span>`;
    const keys = missing.slice(0, 5).map((key) => html`<div class="mono">${key}</div>`);
    return html`<tr><td class="mono">${ref}</td><td class="count">${formatCount(records)}</td><td class="count">${formatCount(found)}</td><td>${mark}${keys}</td></tr>`;
  });
  return html`<section class="long"><h2>Completeness</h2><p class="quiet">For each stored object, the keys that had to arrive compared with the keys that are there.</p><div class="scroll" tabindex="0" role="region" aria-label="Completeness"><table><thead><tr><th scope="col">Object</th><th scope="col" class="count">Records</th><th scope="col" class="count">Found</th><th scope="col">Proof</th></tr></thead><tbody>${rows}</tbody></table></div>${omitted(lines.length)}</section>`;
}

function filesSection(files: readonly ReportFile[]): Html | undefined {
  if (files.length === 0) return undefined;
  const rows = files.map(
    ({ path, bytes, description }) =>
      html`<tr><td class="mono">${path}</td><td class="count">${bytes === undefined ? '' : formatBytes(bytes)}</td><td>${description}</td></tr>`,
  );
  return html`<section><h2>Files</h2><div class="scroll"><table><thead><tr><th scope="col">Path</th><th scope="col" class="count">Size</th><th scope="col">What it is</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function lookSection(lines: readonly string[]): Html | undefined {
  if (lines.length === 0) return undefined;
  const shown = lines.map((line) =>
    line.startsWith('$ ') ? html`<pre><code>${line.slice(2)}</code></pre>` : html`<p>${line}</p>`,
  );
  return html`<section><h2>How to look further</h2>${shown}</section>`;
}
