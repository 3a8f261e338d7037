/** A comparison as one HTML file: it loads nothing, runs nothing and shows data only as text. */
import type { DiffChange } from '../diff/change.ts';
import type { SourceDiffReport } from '../diff/diff-sources.ts';
import { showCell, showKey, showRecord } from './diff-listing.ts';
import { formatCount, formatShare } from './format.ts';
import { type Html, html } from './html.ts';
import { htmlPage } from './html-page.ts';

export interface DiffPageInput {
  readonly a: string;
  readonly b: string;
  readonly report: SourceDiffReport;
  readonly keyFields: readonly string[];
  /** How rows were compared, in a sentence. */
  readonly method: string;
}

function verdict({ report }: DiffPageInput): Html {
  const bad = report.undecodable.a + report.undecodable.b;
  if (bad > 0) {
    return html`<div class="verdict bad"><span class="sign" aria-hidden="true">!</span><div><strong>Not comparable as a whole.</strong> ${formatCount(bad)} rows are not their format and were left out.</div></div>`;
  }
  if (report.isEqual) {
    return html`<div class="verdict good"><span class="sign" aria-hidden="true">✓</span><div><strong>Equal.</strong> All ${formatCount(report.rowsA)} rows are the same on both sides.</div></div>`;
  }
  const rows = report.changed + report.added + report.removed;
  return html`<div class="verdict bad"><span class="sign" aria-hidden="true">≠</span><div><strong>Different.</strong> ${formatCount(rows)} rows differ, ${formatCount(report.equal)} are the same.</div></div>`;
}

function tiles({ report }: DiffPageInput): Html {
  const all: readonly (readonly [kind: string, label: string, count: number])[] = [
    ['', 'rows in A', report.rowsA],
    ['', 'rows in B', report.rowsB],
    ['delivered', 'equal', report.equal],
    ['degraded', 'changed', report.changed],
    ['rejected', 'removed, only in A', report.removed],
    ['replayed', 'added, only in B', report.added],
  ];
  return html`<ul class="tiles">${all.map(([kind, label, count]) => html`<li class="${kind}"><span class="number">${formatCount(count)}</span><span class="label">${label}</span></li>`)}</ul>`;
}

function fieldsSection({ report }: DiffPageInput): Html | undefined {
  if (report.fields.length === 0) return undefined;
  const pairs = report.equal + report.changed;
  const rows = report.fields.map(
    ({ field, changed }) =>
      html`<tr><th scope="row"><code>${field}</code></th><td class="count">${formatCount(changed)}</td><td class="count">${formatShare(Math.min(changed, pairs), pairs)}</td></tr>`,
  );
  return html`<section><h2>Changed cells by field</h2><p class="quiet">${formatCount(report.changedCells)} cells in ${formatCount(report.changed)} rows; the share is of the ${formatCount(pairs)} rows that are on both sides.</p>
<div class="scroll"><table><thead><tr><th scope="col">Field</th><th scope="col" class="count">Changed</th><th scope="col" class="count">Share</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

const TITLES = {
  changed: 'Changed rows',
  removed: 'Removed rows, only in A',
  added: 'Added rows, only in B',
} as const;

function changedRow(change: DiffChange, keyFields: readonly string[]): readonly Html[] {
  const key = showKey(change, keyFields);
  if (change.kind !== 'changed')
    return [
      html`<tr><th scope="row">${key}</th><td><span class="mono">${showRecord(change, keyFields)}</span></td></tr>`,
    ];
  return change.cells.map(
    ({ field, before, after }, index) =>
      html`<tr><th scope="row">${index === 0 ? key : ''}</th><td><code>${field}</code></td><td><span class="mono">${showCell(before)}</span><span class="arrow">→</span><span class="mono">${showCell(after)}</span></td></tr>`,
  );
}

function samplesSection(kind: DiffChange['kind'], { report, keyFields }: DiffPageInput): Html | undefined {
  const samples = report.samples.filter((change) => change.kind === kind);
  if (samples.length === 0) return undefined;
  const head =
    kind === 'changed'
      ? html`<th scope="col">Record</th><th scope="col">Field</th><th scope="col">Before → after</th>`
      : html`<th scope="col">Record</th><th scope="col">Values</th>`;
  const shown =
    samples.length < report[kind]
      ? `The first ${formatCount(samples.length)} of ${formatCount(report[kind])}.`
      : `All ${formatCount(report[kind])}.`;
  return html`<section class="long"><h2>${TITLES[kind]}</h2><p class="quiet">${shown}</p>
<div class="scroll"><table class="samples"><thead><tr>${head}</tr></thead><tbody>${samples.map((change) => changedRow(change, keyFields))}</tbody></table></div></section>`;
}

function notesSection({ report }: DiffPageInput): Html | undefined {
  const { duplicates, undecodable } = report;
  const notes = [
    ...(duplicates.a + duplicates.b > 0
      ? [
          `Rows whose key was there before on the same side: ${formatCount(duplicates.a)} in A, ${formatCount(duplicates.b)} in B, such as ${duplicates.samples
            .slice(0, 3)
            .map((key) => key.map(showCell).join(', '))
            .join('; ')}. They are paired with rows of the same key, the same ones first.`,
        ]
      : []),
    ...undecodable.samples,
  ];
  if (notes.length === 0) return undefined;
  return html`<section><h2>To know</h2>${notes.map((note) => html`<p>${note}</p>`)}</section>`;
}

/** The whole page as text. Pure: the same input gives the same bytes. */
export function renderDiffPage(input: DiffPageInput): string {
  const title = `${input.a} against ${input.b}`;
  const sections = [
    fieldsSection(input),
    samplesSection('changed', input),
    samplesSection('removed', input),
    samplesSection('added', input),
    notesSection(input),
  ];
  return htmlPage(
    title,
    html`<header><h1>${title}</h1><p class="quiet">${input.method}</p>${verdict(input)}</header>
<main>${tiles(input)}${sections}</main>
<footer>Written by tierfall diff. This file is complete by itself and loads nothing.</footer>`,
  );
}
