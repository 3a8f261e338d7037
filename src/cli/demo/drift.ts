/** Drift made on purpose: the same records with other column names and numbers as text, and records of another kind. */
import { foldName } from './expectation.ts';
import type { DemoFormat } from './plan.ts';
import type { SourceRecord } from './source-records.ts';

/**
 * Every second column under a name that differs in case or by a separator, as another release would write it. The first
 * column stays, and so does one whose name is another's but for case and separators.
 */
export function renamedColumns(names: readonly string[]): ReadonlyMap<string, string> {
  const folded = names.map(foldName);
  return new Map(
    names.flatMap((name, index) => {
      const isAlone = folded.indexOf(folded[index] ?? '') === folded.lastIndexOf(folded[index] ?? '');
      if (index % 2 === 0 || !isAlone || foldName(name) === '') return [];
      const upper = name.toUpperCase();
      return [[name, upper === name || foldName(upper) !== foldName(name) ? `${name}_` : upper] as const];
    }),
  );
}

/** The records as a file in which the renamed columns also hold their numbers as text. */
export function driftText(records: readonly SourceRecord[], format: DemoFormat): string {
  const names = [...new Set(records.flatMap(({ values }) => [...values.keys()]))];
  const renamed = renamedColumns(names);
  if (format === 'csv') {
    const header = names.map((name) => csvCell(renamed.get(name) ?? name));
    const rows = records.map(({ values }) => names.map((name) => csvCell(values.get(name))));
    return `${[header, ...rows].map((row) => row.join(',')).join('\n')}\n`;
  }
  const texts = records.map(({ values }) => {
    const members = [...values].map(([name, value]) => {
      const to = renamed.get(name);
      const isNumber = typeof value === 'number' || typeof value === 'bigint';
      return `${JSON.stringify(to ?? name)}:${to !== undefined && isNumber ? JSON.stringify(String(value)) : jsonText(value)}`;
    });
    return `{${members.join(',')}}`;
  });
  return joinJson(texts, format);
}

const STRAY_NAMES = ['stray_turbine', 'stray_speed', 'stray_note'] as const;

/** Records of which no column is known. */
export function strayText(count: number, format: DemoFormat): string {
  const rows = Array.from({ length: count }, (_, index) => [
    index + 1,
    index * 7 + 0.5,
    'sent here by mistake',
  ]);
  if (format === 'csv') return `${[STRAY_NAMES, ...rows].map((row) => row.join(',')).join('\n')}\n`;
  const texts = rows.map((row) =>
    JSON.stringify(Object.fromEntries(STRAY_NAMES.map((name, at) => [name, row[at]]))),
  );
  return joinJson(texts, format);
}

function joinJson(texts: readonly string[], format: DemoFormat): string {
  return format === 'json' ? `[${texts.join(',\n')}]\n` : `${texts.join('\n')}\n`;
}

/** JSON text, also of a bigint, which JSON.stringify refuses. */
function jsonText(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  return `{${Object.entries(value)
    .map(([name, inner]) => `${JSON.stringify(name)}:${jsonText(inner)}`)
    .join(',')}}`;
}

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = String(value);
  return text === '' || /[",;|\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
