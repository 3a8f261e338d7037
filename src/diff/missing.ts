/** What one side has and the other lacks, by key: what replay still has to send, and what a proof finds missing. */

/** What of `wanted` is not in `held`, each as often as it is wanted more than held, in order. */
export function missingFrom<K>(wanted: Iterable<K>, held: Iterable<K>): readonly K[] {
  const left = new Map<K, number>();
  for (const key of held) left.set(key, (left.get(key) ?? 0) + 1);
  const missing: K[] = [];
  for (const key of wanted) {
    const count = left.get(key) ?? 0;
    if (count === 0) missing.push(key);
    else left.set(key, count - 1);
  }
  return missing;
}

/** The rows whose key the other side holds, `keys` being those of `rows` in their order. Rows of one key are held together. */
export function heldRows<K>(rows: readonly number[], keys: readonly K[], held: Iterable<K>): readonly number[] {
  const wanted = new Set(keys);
  for (const key of missingFrom(wanted, held)) wanted.delete(key);
  return rows.filter((_, place) => {
    const key = keys[place];
    return key !== undefined && wanted.has(key);
  });
}
