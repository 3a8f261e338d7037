/**
 * What a structural degradation changed. Each changed cell is counted once, under one field and one kind.
 *
 * L1 merging is associative in everything: counts, samples, the order of entries. L2 names of stripped fields, and of
 * unknown ones that were refused, come from the data, so the 256 first of them by code units are kept and the others share
 * one entry: which names stay does not depend on the order in which they came.
 */

/** How large the errors of rounded numbers were. */
export interface ErrorSpread {
  readonly max: number;
  /** Cells by decade, ascending: [-3, 12] = 12 errors from 0.001 to below 0.01. */
  readonly decades: readonly (readonly [exponent: number, cells: number])[];
}

/** One kind of change of one field. */
export interface LossEntry {
  readonly field: string;
  /** What happened: e.g. `number-from-text`, `nulled`, `stripped`. Bounded by the coercer's rules. */
  readonly kind: string;
  /** Whether the old value can be computed back from the new one. */
  readonly lossless: boolean;
  count: number;
  /** The first few (old, new) pairs, as JSON-like text. */
  readonly samples: { readonly row: number; readonly before: string; readonly after: string }[];
  /** Only of `rounded`. */
  readonly error?: ErrorSpread | undefined;
}

/** Cells that no rule could take, of rows that therefore did not land, by field and fault. */
export interface RefusedEntry {
  readonly field: string;
  /** `type`, `null`, `range`, `format`, `precision`, `missing`, `unknown`. */
  readonly kind: string;
  readonly count: number;
  /** The first few values, as JSON-like text. */
  readonly samples: readonly { readonly row: number; readonly before: string }[];
}

/** All changes of one batch or of many: mergeable, JSON-able. */
export interface LossReport {
  readonly entries: readonly LossEntry[];
  /** Cells changed, the sum of all counts. */
  readonly cells: number;
  /** Cells looked at. */
  readonly cellsTotal: number;
  /** Not among `cells`: their rows go on untouched. @default none */
  readonly refused?: readonly RefusedEntry[];
}

/** Samples kept of one kind of change of one field. */
export const SAMPLES_MAX = 3;
/** Names of stripped fields, and of refused unknown ones, that have an entry of their own. */
export const STRIPPED_MAX = 256;
/** The entry that all further such fields share; without samples. */
export const OTHER_FIELDS = '(other fields)';

/** The report of a batch in which nothing changed. */
export const emptyLoss: LossReport = Object.freeze({ entries: Object.freeze([]), cells: 0, cellsTotal: 0 });

function mergeErrors(a: ErrorSpread | undefined, b: ErrorSpread | undefined): ErrorSpread | undefined {
  if (!a || !b) return a ?? b;
  const decades = new Map(a.decades);
  for (const [exponent, cells] of b.decades) decades.set(exponent, (decades.get(exponent) ?? 0) + cells);
  return { max: Math.max(a.max, b.max), decades: [...decades].sort(([x], [y]) => x - y) };
}

function mergeEntries(known: LossEntry | undefined, entry: LossEntry): LossEntry {
  const { field, kind, lossless, count, samples } = entry;
  const error = mergeErrors(known?.error, entry.error);
  return {
    field,
    kind,
    lossless,
    count: (known?.count ?? 0) + count,
    samples: [...(known?.samples ?? []), ...samples].slice(0, SAMPLES_MAX),
    ...(error ? { error } : {}),
  };
}

function mergeRefused(known: RefusedEntry | undefined, entry: RefusedEntry): RefusedEntry {
  return {
    ...entry,
    count: (known?.count ?? 0) + entry.count,
    samples: [...(known?.samples ?? []), ...entry.samples].slice(0, SAMPLES_MAX),
  };
}

/** In the order of first appearance. */
function mergeBy<T>(
  entries: readonly T[],
  keyOf: (entry: T) => string,
  merge: (known: T | undefined, entry: T) => T,
): T[] {
  const merged = new Map<string, T>();
  for (const entry of entries) merged.set(keyOf(entry), merge(merged.get(keyOf(entry)), entry));
  return [...merged.values()];
}

/** Entries in order, those whose names come from the data (of `kind`) last and no more than allowed (L2). */
function boundNames<T extends LossEntry | RefusedEntry>(
  entries: readonly T[],
  kind: string,
  otherOf: (count: number) => T,
): readonly T[] {
  const open = entries.filter((entry) => entry.kind === kind);
  const named = open.filter(({ field }) => field !== OTHER_FIELDS);
  const names = named.map(({ field }) => field).sort();
  const last = names[STRIPPED_MAX - 1];
  const kept = last === undefined ? named : named.filter(({ field }) => field <= last);
  const sum = (counted: readonly T[]): number => counted.reduce((cells, { count }) => cells + count, 0);
  const count = sum(open) - sum(kept);
  return [...entries.filter((entry) => entry.kind !== kind), ...kept, ...(count > 0 ? [otherOf(count)] : [])];
}

/** Entries in order, those of stripped fields last and no more than allowed (L2). */
export function boundEntries(entries: readonly LossEntry[]): readonly LossEntry[] {
  const other = { field: OTHER_FIELDS, kind: 'stripped', lossless: false, samples: [] };
  return boundNames<LossEntry>(entries, 'stripped', (count) => ({ ...other, count }));
}

function boundRefused(entries: readonly RefusedEntry[]): readonly RefusedEntry[] {
  const other = { field: OTHER_FIELDS, kind: 'unknown', samples: [] };
  return boundNames<RefusedEntry>(entries, 'unknown', (count) => ({ ...other, count }));
}

/** One report over both; neither is changed. Counts add up, the first samples stay. */
export function mergeLoss(a: LossReport, b: LossReport): LossReport {
  const entries = mergeBy(
    [...a.entries, ...b.entries],
    ({ field, kind, lossless }) => `${kind} ${lossless} ${field}`,
    mergeEntries,
  );
  const refused = boundRefused(
    mergeBy(
      [...(a.refused ?? []), ...(b.refused ?? [])],
      ({ field, kind }) => `${kind} ${field}`,
      mergeRefused,
    ),
  );
  return {
    entries: boundEntries(entries),
    cells: a.cells + b.cells,
    cellsTotal: a.cellsTotal + b.cellsTotal,
    ...(refused.length > 0 ? { refused } : {}),
  };
}
