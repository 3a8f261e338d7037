/**
 * What the warehouse should hold for one source record, by the demo's own rules: equal values, numbers as text where
 * the column is text, dates in one spelling, names that differ only in case and separators.
 */
import { canonical, type SourceRecord, type SourceValue } from './source-records.ts';
import type { WarehouseCell } from './warehouse.ts';

/** `coerced`: the same fact, spelled in another way; `differs`: not what the source says. */
export type Verdict = 'same' | 'coerced' | 'differs';

export interface Comparison {
  readonly verdict: Verdict;
  /** The first column that differs, with both values. */
  readonly detail: string | undefined;
}

type Kind = 'integer' | 'number' | 'boolean' | 'text' | 'date' | 'time' | 'json' | 'bytes';

export interface ExpectedColumn {
  readonly name: string;
  readonly kind: Kind;
}

/** The columns of a JSON Schema document, as far as comparing needs to know them. */
export function expectedColumns(schema: object): readonly ExpectedColumn[] {
  const { properties = {} } = schema as { readonly properties?: Readonly<Record<string, object>> };
  return Object.entries(properties).map(([name, property]) => ({ name, kind: kindOf(property) }));
}

function kindOf(property: object): Kind {
  const given = property as Readonly<Record<string, unknown>>;
  const type = [given['type']].flat().find((each) => each !== 'null');
  const exact = String(given['x-type'] ?? '');
  if (exact.startsWith('timestamp') || given['format'] === 'date-time') return 'time';
  if (exact.startsWith('date') || given['format'] === 'date') return 'date';
  if (given['contentEncoding'] !== undefined) return 'bytes';
  if (type === 'integer' || type === 'number' || type === 'boolean') return type;
  return type === 'string' ? 'text' : 'json';
}

export function foldName(name: string): string {
  return name.toLowerCase().replace(/[\s_.-]/g, '');
}

/** Compares a source record with the row that has its key. `isText`: the format has no types (csv). */
export function compareRecord(
  record: SourceRecord,
  row: ReadonlyMap<string, WarehouseCell>,
  columns: readonly ExpectedColumn[],
  isText: boolean,
): Comparison {
  const left = new Map(record.values);
  let verdict: Verdict = 'same';
  for (const { name, kind } of columns) {
    const source = left.has(name) ? name : [...left.keys()].find((other) => foldName(other) === foldName(name));
    const value = source === undefined ? undefined : left.get(source);
    if (source !== undefined) left.delete(source);
    const cell = row.get(name) ?? null;
    const found = compareCell(value, cell, kind, isText);
    if (found === 'differs') {
      const detail = `${name}: the source says ${show(value)}, the sink ${show(cell)}`;
      return { verdict: 'differs', detail };
    }
    if (found === 'coerced' || source !== name) verdict = 'coerced';
  }
  // Names that no column takes were left out, which is a loss that has to be counted.
  return { verdict: left.size > 0 ? 'coerced' : verdict, detail: undefined };
}

const SHOWN_MAX = 60;

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  return (typeof value === 'bigint' ? String(value) : canonical(value)).slice(0, SHOWN_MAX);
}

const NULL_WORDS = new Set(['', 'null', 'na', 'n/a', 'nan']);

function compareCell(value: SourceValue, cell: WarehouseCell, kind: Kind, isText: boolean): Verdict {
  if (value === undefined || value === null) return cell === null ? 'same' : 'differs';
  if (cell === null) {
    const isWordForNothing = typeof value === 'string' && NULL_WORDS.has(value.trim().toLowerCase());
    return isWordForNothing && kind !== 'text' ? 'coerced' : 'differs';
  }
  const isAlike = sameFact(value, cell, kind);
  if (!isAlike) return 'differs';
  return isText || hasType(value, kind) ? 'same' : 'coerced';
}

/** Whether the source wrote this kind of value in its own type. */
function hasType(value: SourceValue, kind: Kind): boolean {
  if (kind === 'integer' || kind === 'number') return typeof value === 'number' || typeof value === 'bigint';
  if (kind === 'boolean') return typeof value === 'boolean';
  return kind === 'json' || typeof value === 'string';
}

function sameFact(value: SourceValue, cell: WarehouseCell, kind: Kind): boolean {
  switch (kind) {
    case 'integer':
      return typeof cell === 'bigint' && asInteger(value) === cell;
    case 'number':
      return (typeof cell === 'number' || typeof cell === 'bigint') && Number(value) === Number(cell);
    case 'boolean':
      return typeof cell === 'bigint' && asBoolean(value) === (cell === 1n);
    case 'date':
      return dayOf(String(value)) === cell;
    case 'time':
      return typeof cell === 'string' && momentOf(value) === Date.parse(cell);
    case 'json':
      return typeof cell === 'string' && sameJson(value, cell);
    default:
      return String(typeof value === 'object' ? canonical(value) : value) === cell;
  }
}

function asInteger(value: SourceValue): bigint | undefined {
  const text = String(value).trim();
  if (/^[+-]?\d+$/.test(text)) return BigInt(text.replace('+', ''));
  return Number.isSafeInteger(Number(text)) ? BigInt(Number(text)) : undefined;
}

function asBoolean(value: SourceValue): boolean {
  return ['true', 't', 'yes', 'y', '1'].includes(String(value).trim().toLowerCase());
}

function sameJson(value: SourceValue, cell: string): boolean {
  try {
    const source: unknown = typeof value === 'string' ? JSON.parse(value) : value;
    return canonical(JSON.parse(cell)) === canonical(JSON.parse(canonical(source)));
  } catch {
    return value === cell;
  }
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `Jun 12 1998`, `2012/01/31` and ISO spellings as `YYYY-MM-DD`. */
function dayOf(text: string): string | undefined {
  const [, monthName = '', day = '', year = ''] =
    /^([A-Za-z]{3})[a-z]* (\d{1,2}),? (\d{4})$/.exec(text.trim()) ?? [];
  const month = MONTHS.indexOf(monthName.toLowerCase()) + 1;
  if (month > 0) return `${year}-${String(month).padStart(2, '0')}-${day.padStart(2, '0')}`;
  return /^(\d{4})[-/](\d{2})[-/](\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?$/
    .exec(text.trim())
    ?.slice(1, 4)
    .join('-');
}

/** Milliseconds since 1970; a time without a zone is in UTC. */
function momentOf(value: SourceValue): number {
  if (typeof value === 'number') return Math.abs(value) < 1e11 ? value * 1_000 : value;
  const text = String(value)
    .trim()
    .replace(/^(\d{4})\/(\d{2})\/(\d{2})/, '$1-$2-$3')
    .replace(' ', 'T');
  return Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/.test(text) || !text.includes('T') ? text : `${text}Z`);
}
