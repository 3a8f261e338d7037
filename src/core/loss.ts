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
