/** A look at the sink's table from outside: what is missing, there twice, or came before what was submitted earlier. */
import { DatabaseSync } from 'node:sqlite';

/** Records of each key: their numbers are 0, 1, … in the order they were submitted. */
export type Sent = Map<string, number>;

const NAMED_MAX = 5;

/** @returns what is wrong, in words; empty when all is well */
export function findDisorder(file: string, sent: ReadonlyMap<string, number>): readonly string[] {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
  const next = new Map<string, number>();
  const twice: string[] = [];
  const early: string[] = [];
  const seen = new Set<string>();
  let rows = 0;
  try {
    for (const row of database.prepare('SELECT key, n FROM records ORDER BY rowid').iterate()) {
      const key = String(row['key']);
      const n = Number(row['n']);
      const name = `${key}#${n}`;
      rows += 1;
      if (seen.has(name)) twice.push(name);
      else if (n !== (next.get(key) ?? 0)) early.push(name);
      seen.add(name);
      next.set(key, Math.max(next.get(key) ?? 0, n + 1));
    }
  } finally {
    database.close();
  }
  const missing: string[] = [];
  for (const [key, count] of sent)
    for (let n = 0; n < count; n += 1) if (!seen.has(`${key}#${n}`)) missing.push(`${key}#${n}`);
  const expected = [...sent.values()].reduce((sum, count) => sum + count, 0);
  return [
    ...told('missing', missing),
    ...told('there twice', twice),
    ...told('out of order', early),
    ...(rows === expected ? [] : [`${rows} rows, ${expected} were sent`]),
  ];
}

function told(what: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  return [`${names.length} records ${what}: ${names.slice(0, NAMED_MAX).join(', ')}`];
}
