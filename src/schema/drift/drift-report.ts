/**
 * What differs from a schema: exact counts by field and kind, a few samples.
 *
 * D1 a mismatched cell is counted once, under one field and one kind: that of its name if the name is wrong, else that
 * of its value. D2 cells = the schema's fields times the rows, without absent optional ones, plus the fields
 * that the schema does not know; so divergence is at most 1. D3 names that come from the data are bounded: beyond the
 * bound they share one entry per kind, and no count is lost. Of the unknown names of one record the first 1,024 are looked
 * at, so that a record of 100,000 names costs little more than one of a thousand.
 */
import { OTHER_FIELDS } from '../../core/loss.ts';

/**
 * `missing` not there, `extra` not in the schema, `renamed` there under an alias or another spelling of the name,
 * `duplicate` the same name again in one record, `type`, `null`, `range`, `format`, `precision` as a reader found,
 * `path` not as declared somewhere below the field.
 */
export const DRIFT_KINDS = [
  'missing',
  'extra',
  'renamed',
  'duplicate',
  'type',
  'null',
  'range',
  'format',
  'precision',
  'path',
] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** Samples kept of one kind at one field. */
export const DRIFT_SAMPLES_MAX = 3;
/** Entries whose names come from the data; the others share one per kind. */
export const DATA_NAMES_MAX = 256;

export interface DriftSample {
  /** Row of the batch, or position of the record. */
  readonly row: number;
  /** JSON-like text of at most 120 characters; for `renamed` the name in the data. */
  readonly value: string;
}

/** One kind of mismatch at one field. */
export interface DriftEntry {
  /** Name in the schema, a path below it (`meta.rssi`), or a name in the data of at most 120 characters. */
  readonly field: string;
  readonly kind: DriftKind;
  /** Whether `field` is a field of the schema, rather than a path or a name from the data. */
  readonly isDeclared: boolean;
  readonly count: number;
  /** The first few. */
  readonly samples: readonly DriftSample[];
}

/** One field of the schema. */
export interface FieldDrift {
  readonly field: string;
  /** Its cells that were looked at: the rows, without those where it may be absent and is. */
  readonly cells: number;
  /** Those that do not conform, 0 to `cells`. */
  readonly mismatched: number;
}

/** Plain JSON; mergeable over batches with `mergeDrift`. */
export interface DriftReport {
  readonly rows: number;
  readonly cells: number;
  readonly mismatched: number;
  /** `mismatched / cells`, 0 to 1; 0 without cells. */
  readonly divergence: number;
  /** Rows that could not be read as records, and are not among `rows`. */
  readonly undecodable: number;
  /** In the order of the schema. */
  readonly fields: readonly FieldDrift[];
  /** In the order they were met first. */
  readonly entries: readonly DriftEntry[];
}

/** The report of nothing. */
export const emptyDrift: DriftReport = Object.freeze({
  rows: 0,
  cells: 0,
  mismatched: 0,
  divergence: 0,
  undecodable: 0,
  fields: Object.freeze([]),
  entries: Object.freeze([]),
});

/** A part of a whole; nothing of nothing is 0. */
export function partOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function keyOf(field: string, kind: DriftKind, isDeclared: boolean): string {
  return `${isDeclared ? 'd' : 'n'}${kind}/${field}`;
}

function mergeEntries(a: readonly DriftEntry[], b: readonly DriftEntry[]): readonly DriftEntry[] {
  const merged = new Map<string, DriftEntry>();
  let dataNames = 0;
  for (const entry of [...a, ...b]) {
    const own = keyOf(entry.field, entry.kind, entry.isDeclared);
    const isOver =
      !entry.isDeclared && entry.field !== OTHER_FIELDS && dataNames >= DATA_NAMES_MAX && !merged.has(own);
    const field = isOver ? OTHER_FIELDS : entry.field;
    const key = isOver ? keyOf(field, entry.kind, false) : own;
    const known = merged.get(key);
    if (!known && !entry.isDeclared && field !== OTHER_FIELDS) dataNames += 1;
    merged.set(key, {
      field,
      kind: entry.kind,
      isDeclared: entry.isDeclared,
      count: (known?.count ?? 0) + entry.count,
      samples: [...(known?.samples ?? []), ...entry.samples].slice(0, DRIFT_SAMPLES_MAX),
    });
  }
  return [...merged.values()];
}

function mergeFields(a: readonly FieldDrift[], b: readonly FieldDrift[]): readonly FieldDrift[] {
  const merged = new Map<string, FieldDrift>();
  for (const { field, cells, mismatched } of [...a, ...b]) {
    const known = merged.get(field);
    merged.set(field, {
      field,
      cells: (known?.cells ?? 0) + cells,
      mismatched: (known?.mismatched ?? 0) + mismatched,
    });
  }
  return [...merged.values()];
}

/**
 * One report over both; neither is changed. Counts add up exactly and the first samples stay, so the order of merging
 * does not matter, but for which names are named once there are more than 256 from the data.
 */
export function mergeDrift(a: DriftReport, b: DriftReport): DriftReport {
  const cells = a.cells + b.cells;
  const mismatched = a.mismatched + b.mismatched;
  return {
    rows: a.rows + b.rows,
    cells,
    mismatched,
    divergence: partOf(mismatched, cells),
    undecodable: a.undecodable + b.undecodable,
    fields: mergeFields(a.fields, b.fields),
    entries: mergeEntries(a.entries, b.entries),
  };
}
