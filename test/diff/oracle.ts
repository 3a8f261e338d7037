/** A slow comparison that is obviously right, and random records to hold the fast one against it. */
import fc from 'fast-check';

export type Plain = Readonly<Record<string, unknown>>;

/** Sorted JSON text: the same for equal JSON values, whatever the order of names. */
export function sortedText(value: unknown): string {
  return JSON.stringify(value, (_name, found: unknown) =>
    typeof found === 'object' && found !== null && !Array.isArray(found)
      ? Object.fromEntries(Object.entries(found).sort(([x], [y]) => (x < y ? -1 : 1)))
      : typeof found === 'number'
        ? found + 0
        : found,
  );
}

export interface OracleCounts {
  readonly equal: number;
  readonly changed: number;
  readonly added: number;
  readonly removed: number;
}

/** Pairs rows of one key by hand: equal ones first, then as many as there are. */
export function oracleCounts(a: readonly Plain[], b: readonly Plain[], key: string): OracleCounts {
  const keys = new Set([...a, ...b].map((record) => sortedText(record[key] ?? null)));
  const counts = { equal: 0, changed: 0, added: 0, removed: 0 };
  for (const wanted of keys) {
    const of = (records: readonly Plain[]): string[] =>
      records.filter((record) => sortedText(record[key] ?? null) === wanted).map(sortedText);
    const left = of(a);
    const right = of(b);
    for (let index = left.length - 1; index >= 0; index -= 1) {
      const found = right.indexOf(left[index] ?? '');
      if (found < 0) continue;
      left.splice(index, 1);
      right.splice(found, 1);
      counts.equal += 1;
    }
    counts.changed += Math.min(left.length, right.length);
    counts.removed += Math.max(0, left.length - right.length);
    counts.added += Math.max(0, right.length - left.length);
  }
  return counts;
}

const leaf = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0.5, 0.25, null, true, false, '', 'a', 'é', '__proto__'),
);
const value = fc.oneof(
  { weight: 4, arbitrary: leaf },
  { weight: 1, arbitrary: fc.array(leaf, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('x', 'y', 'constructor'), leaf, { maxKeys: 2 }) },
);

/** Records with few keys and few names, so that duplicates and near misses are frequent. */
export const record: fc.Arbitrary<Plain> = fc
  .tuple(
    fc.integer({ min: 0, max: 6 }),
    fc.dictionary(fc.constantFrom('p', 'q', 'toString', '__proto__', 'r s'), value, { maxKeys: 4 }),
    fc.boolean(),
  )
  .map(([id, rest, first]) => {
    const members = Object.entries(rest);
    const all: [string, unknown][] = first ? [['id', id], ...members] : [...members, ['id', id]];
    // As JSON.parse makes it: every name is an own property.
    return JSON.parse(`{${all.map(([name, own]) => `${JSON.stringify(name)}:${JSON.stringify(own)}`).join()}}`);
  });

/** Two sides that share most of their records, in different orders. */
export const sides: fc.Arbitrary<readonly [readonly Plain[], readonly Plain[]]> = fc
  .tuple(
    fc.array(record, { maxLength: 12 }),
    fc.array(record, { maxLength: 4 }),
    fc.array(record, { maxLength: 4 }),
  )
  .chain(([shared, onlyA, onlyB]) =>
    fc.tuple(
      fc.shuffledSubarray([...shared, ...onlyA], { minLength: shared.length }),
      fc.shuffledSubarray(
        [...shared, ...onlyB].map((own) => structuredClone(own)),
        {
          minLength: shared.length,
        },
      ),
    ),
  );
