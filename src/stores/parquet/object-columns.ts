/** The one schema of objects: its columns, and what of a journal entry is in each. Every writer writes these. */
import type { JournalEntry } from '../../journal/journal.ts';

interface ColumnOf<Kind extends string, Value> {
  readonly name: string;
  readonly kind: Kind;
  /** @default false */
  readonly optional?: boolean;
  /** Whether values come again and again, so that each is best written once. @default false */
  readonly repeats?: boolean;
  of(entry: JournalEntry): Value;
}

export type TextColumn = ColumnOf<'text', string | null>;
/** INT64; `timestamp` counts milliseconds since 1970, UTC. */
export type IntegerColumn = ColumnOf<'integer' | 'timestamp', number>;
export type BytesColumn = ColumnOf<'bytes', Uint8Array>;
export type ObjectColumn = TextColumn | IntegerColumn | BytesColumn;

/** Name of the schema's root, by which files of this format are known. */
export const ROOT = 'tierfall';

export const COLUMNS: readonly ObjectColumn[] = [
  { name: 'seq', kind: 'integer', of: (entry) => entry.seq },
  { name: 'purpose', kind: 'text', repeats: true, of: (entry) => entry.purpose },
  { name: 'key', kind: 'text', of: (entry) => entry.key },
  {
    name: 'ordering_key',
    kind: 'text',
    repeats: true,
    optional: true,
    of: (entry) => entry.orderingKey ?? null,
  },
  { name: 'priority', kind: 'text', repeats: true, of: (entry) => entry.priority },
  { name: 'format', kind: 'text', repeats: true, of: (entry) => entry.format },
  { name: 'attributes', kind: 'text', repeats: true, of: (entry) => attributesText(entry.attributes) },
  { name: 'received_at', kind: 'timestamp', of: (entry) => Math.trunc(entry.receivedAtMs) },
  { name: 'reason', kind: 'text', repeats: true, of: (entry) => entry.reason },
  { name: 'trail', kind: 'text', repeats: true, of: (entry) => entry.trail },
  { name: 'row_count', kind: 'integer', of: (entry) => entry.rowCount },
  {
    name: 'rows',
    kind: 'text',
    optional: true,
    of: (entry) => (entry.rows === undefined ? null : JSON.stringify(entry.rows)),
  },
  { name: 'sha256', kind: 'text', of: (entry) => entry.sha256 },
  { name: 'body', kind: 'bytes', of: (entry) => entry.body },
];

/** Batches of one source have equal attributes, one after the other. */
let last: { readonly attributes: Readonly<Record<string, string>>; readonly text: string } | undefined;

/** Sorted by name, so that equal attributes are equal text. */
function attributesText(attributes: Readonly<Record<string, string>>): string {
  if (last && areEqual(last.attributes, attributes)) return last.text;
  const text = JSON.stringify(sortedByName(attributes));
  last = { attributes: { ...attributes }, text };
  return text;
}

function areEqual(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  for (const name of names) if (!Object.hasOwn(b, name) || a[name] !== b[name]) return false;
  return true;
}

/** The same members in the order of their names. */
export function sortedByName(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
