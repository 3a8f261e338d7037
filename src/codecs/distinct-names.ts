/**
 * Names of the columns of a table, or of the fields of a struct, each of which is to stand for one value.
 *
 * A name that occurs again gets the first of `_1`, `_2` … that no other has: a record has room for one value under a name,
 * and the others would be lost. The same in every format, so that one table is the same records whatever it is written as.
 */

/** The names in their order, each once; those that occur once stay as they are. */
export function distinctNames(names: readonly string[]): readonly string[] {
  const taken = new Set(names);
  if (taken.size === names.length) return names;
  const seen = new Set<string>();
  const nextSuffix = new Map<string, number>();
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    let suffix = nextSuffix.get(name) ?? 1;
    while (taken.has(`${name}_${suffix}`)) suffix += 1;
    nextSuffix.set(name, suffix + 1);
    taken.add(`${name}_${suffix}`);
    return `${name}_${suffix}`;
  });
}
