/** What a structural degradation changed. Each changed cell is counted once, under one field and one kind. */

/** One kind of change of one field. */
export interface LossEntry {
  readonly field: string;
  /** What happened: e.g. `number-from-string`, `nulled`, `stripped`. Bounded by the coercer's rules. */
  readonly kind: string;
  /** Whether the old value can be computed back from the new one. */
  readonly lossless: boolean;
  count: number;
  /** The first few (old, new) pairs, as JSON-like text. */
  readonly samples: { readonly row: number; readonly before: string; readonly after: string }[];
}

/** All changes of one batch or of many: mergeable, JSON-able. */
export interface LossReport {
  readonly entries: readonly LossEntry[];
  /** Cells changed, the sum of all counts. */
  readonly cells: number;
  /** Cells looked at. */
  readonly cellsTotal: number;
}

/** Samples kept of one kind of change of one field. */
export const SAMPLES_MAX = 3;

/** The report of a batch in which nothing changed. */
export const emptyLoss: LossReport = Object.freeze({ entries: Object.freeze([]), cells: 0, cellsTotal: 0 });

/** One report over both; neither is changed. Counts add up, the first samples stay. */
export function mergeLoss(a: LossReport, b: LossReport): LossReport {
  const entries = new Map<string, LossEntry>();
  for (const entry of [...a.entries, ...b.entries]) {
    const key = JSON.stringify([entry.field, entry.kind, entry.lossless]);
    const known = entries.get(key);
    entries.set(key, {
      ...entry,
      count: (known?.count ?? 0) + entry.count,
      samples: [...(known?.samples ?? []), ...entry.samples].slice(0, SAMPLES_MAX),
    });
  }
  return { entries: [...entries.values()], cells: a.cells + b.cells, cellsTotal: a.cellsTotal + b.cellsTotal };
}
