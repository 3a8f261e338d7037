/**
 * The demo's own reading of its source files, for the proof: plain JSON.parse and a small CSV splitter, so that
 * a fault in the pipeline's codecs cannot hide itself.
 */
import type { DemoFormat } from './plan.ts';

/** What a source file holds in one place: text, a number, a bigint, a boolean, null, or something nested. */
export type SourceValue = unknown;

export interface SourceRecord {
  readonly values: ReadonlyMap<string, SourceValue>;
  /** The same for the same content, whatever the spelling. */
  readonly digest: string;
}

/** All records of a file's text. What cannot be read as a record is one with its text as the only value. */
export function readRecords(text: string, format: DemoFormat): readonly SourceRecord[] {
  const plain = text.startsWith('\ufeff') ? text.slice(1) : text;
  if (format === 'csv') return readCsv(plain);
  if (format === 'ndjson') {
    return plain
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(readLine);
  }
  const parsed: unknown = parseExactly(plain);
  return (Array.isArray(parsed) ? parsed : [parsed]).map(toRecord);
}

function readLine(line: string): SourceRecord {
  try {
    return toRecord(parseExactly(line));
  } catch {
    return makeRecord(new Map([['(unreadable)', line.trim()]]));
  }
}

/** JSON with integers beyond 2^53 as bigint, because a double would not tell them apart. */
function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source ?? '';
    const isLong = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source);
    return isLong ? BigInt(source) : value;
  });
}

function toRecord(value: unknown): SourceRecord {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return makeRecord(new Map(isObject ? Object.entries(value) : [['value', value]]));
}

function makeRecord(values: ReadonlyMap<string, SourceValue>): SourceRecord {
  return { values, digest: canonical([...values].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** JSON text with the names of every object in order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function readCsv(text: string): readonly SourceRecord[] {
  const [header = [], ...rows] = splitCsv(text);
  const names = header.map((name) => name ?? '');
  return rows.map((cells) =>
    makeRecord(new Map(cells.map((cell, index) => [names[index] ?? `(cell ${index + 1})`, cell]))),
  );
}

/** Rows of cells; an empty cell without quotes is null, lines without content are no rows. */
export function splitCsv(text: string): readonly (readonly (string | null)[])[] {
  const delimiter = delimiterOf(text);
  const rows: (string | null)[][] = [[]];
  let at = 0;
  while (at < text.length) {
    const { cell, end } = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at, delimiter);
    rows.at(-1)?.push(cell);
    at = end;
    if (text[at] === delimiter) {
      at += 1;
      // Nothing behind the last delimiter is one more cell.
      if (at >= text.length || text[at] === '\n' || text[at] === '\r') rows.at(-1)?.push(null);
    }
    while (text[at] === '\r') at += 1;
    if (text[at] !== '\n') continue;
    at += 1;
    rows.push([]);
  }
  return rows.filter((row) => row.length > 1 || (row[0] ?? null) !== null);
}

interface CellRead {
  readonly cell: string | null;
  readonly end: number;
}

function quotedCell(text: string, start: number): CellRead {
  let close = text.indexOf('"', start + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  const stop = close < 0 ? text.length : close;
  return { cell: text.slice(start + 1, stop).replaceAll('""', '"'), end: stop + 1 };
}

function plainCell(text: string, start: number, delimiter: string): CellRead {
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return { cell: end === start ? null : text.slice(start, end), end };
}

/** The one of `, ; TAB |` that the header has most of. */
export function delimiterOf(text: string): string {
  const end = text.search(/\r?\n/);
  const header = (end < 0 ? text : text.slice(0, end)).replace(/"(?:[^"]|"")*"/g, '');
  const counts = [',', ';', '\t', '|'].map((mark) => [mark, header.split(mark).length] as const);
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
