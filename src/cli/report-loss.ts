/** What degradation changed and what it refused, as a section of the report. */
import type { LossEntry, LossReport, RefusedEntry } from '../core/loss.ts';
import { showErrors } from '../schema/loss/loss-table.ts';
import { formatCount, formatShare } from './format.ts';
import { type Html, html } from './html.ts';

export const ROWS_MAX = 200;

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

export function omitted(count: number): Html | undefined {
  return count > ROWS_MAX ? html`<p class="quiet">And ${formatCount(count - ROWS_MAX)} more.</p>` : undefined;
}

function byCount(a: { readonly count: number }, b: { readonly count: number }): number {
  return b.count - a.count;
}

export function lossSection(loss: LossReport): Html {
  const { entries, cells, cellsTotal } = loss;
  const refused = refusedPart(loss.refused ?? []);
  if (cells === 0) {
    return html`<section><h2>What degradation changed</h2><p class="quiet">No cell was changed.</p>${refused}</section>`;
  }
  const sorted = [...entries].sort(byCount);
  const hasErrors = entries.some(({ error }) => error !== undefined);
  const errorHead = hasErrors ? html`<th scope="col">Largest error</th>` : undefined;
  const rows = sorted.slice(0, ROWS_MAX).map((entry) => lossRow(entry, hasErrors));
  return html`<section class="long"><h2>What degradation changed</h2><p class="quiet">${formatCount(cells)} of ${formatCount(cellsTotal)} cells (${formatShare(cells, cellsTotal)}). The original bytes are kept; a lossless change can be computed back from the sink alone.</p><div class="scroll" tabindex="0" role="region" aria-label="Changes"><table><thead><tr><th scope="col">Field</th><th scope="col">Change</th><th scope="col" class="count">Cells</th><th scope="col">Lossless</th>${errorHead}<th scope="col">Samples</th></tr></thead><tbody>${rows}</tbody></table></div>${omitted(sorted.length)}${hasErrors ? html`<p class="quiet">Of rounded numbers: the largest error, then the cells by decade of their error.</p>` : undefined}${refused}</section>`;
}

function lossRow({ field, kind, count, lossless, samples, error }: LossEntry, hasErrors: boolean): Html {
  const shown = samples.map(
    ({ before, after }) =>
      html`<div><code>${clip(before)}</code><span class="arrow">→</span><code>${clip(after)}</code></div>`,
  );
  const errors = hasErrors ? html`<td class="mono errors">${showErrors(error)}</td>` : undefined;
  return html`<tr><th scope="row">${field}</th><td class="kind">${kind}</td><td class="count">${formatCount(count)}</td><td>${lossless ? 'yes' : 'no'}</td>${errors}<td>${shown}</td></tr>`;
}

function refusedPart(refused: readonly RefusedEntry[]): Html | undefined {
  if (refused.length === 0) return undefined;
  const sorted = [...refused].sort(byCount);
  const cells = refused.reduce((sum, { count }) => sum + count, 0);
  return html`<h3>What no rule could take</h3><p class="quiet">${formatCount(cells)} ${cells === 1 ? 'cell' : 'cells'}. Their rows did not land in this way, and go on untouched.</p><div class="scroll" tabindex="0" role="region" aria-label="Refused cells"><table><thead><tr><th scope="col">Field</th><th scope="col">Refused for</th><th scope="col" class="count">Cells</th><th scope="col">Samples</th></tr></thead><tbody>${sorted.slice(0, ROWS_MAX).map(refusedRow)}</tbody></table></div>${omitted(sorted.length)}`;
}

function refusedRow({ field, kind, count, samples }: RefusedEntry): Html {
  const shown = samples.map(({ before }) => html`<div><code>${clip(before)}</code></div>`);
  return html`<tr><th scope="row">${field}</th><td class="kind">${kind}</td><td class="count">${formatCount(count)}</td><td>${shown}</td></tr>`;
}
