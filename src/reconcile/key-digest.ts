/**
 * SHA-256 over a set of keys, whatever their order: of the JSON text of the sorted keys. A million of them would keep the
 * event loop for more than a second, and a lease has to be renewed meanwhile, so others are let in every few milliseconds.
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Keys that are sorted, or written as JSON, in a few milliseconds. */
const KEYS_AT_ONCE = 8_192;

export async function digestKeys(keys: ReadonlySet<string>): Promise<string> {
  return digestSorted(await sortKeys([...keys]));
}

/** Each key once, in the order of their code units. */
export async function sortKeys(keys: readonly string[]): Promise<readonly string[]> {
  const sorted = await sortInTurns(keys);
  const once: string[] = [];
  for (const [at, key] of sorted.entries()) {
    if (at === 0 || key !== sorted[at - 1]) once.push(key);
    if (at % KEYS_AT_ONCE === KEYS_AT_ONCE - 1) await nextTurn();
  }
  return once;
}

/** @param sorted as `sortKeys` gives them */
export async function digestSorted(sorted: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update('[');
  for (let at = 0; at < sorted.length; at += KEYS_AT_ONCE) {
    if (at > 0) {
      hash.update(',');
      await nextTurn();
    }
    hash.update(JSON.stringify(sorted.slice(at, at + KEYS_AT_ONCE)).slice(1, -1));
  }
  return hash.update(']').digest('hex');
}

/** As `sort` does: runs are sorted, then merged two by two. */
async function sortInTurns(keys: readonly string[]): Promise<readonly string[]> {
  let from: string[] = [];
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    if (at > 0) await nextTurn();
    from.push(...keys.slice(at, at + KEYS_AT_ONCE).sort());
  }
  for (let run = KEYS_AT_ONCE; run < from.length; run *= 2) {
    const to: string[] = [];
    for (let start = 0; start < from.length; start += 2 * run) await merge(from, to, start, run);
    from = to;
  }
  return from;
}

/** Appends to `to` the two runs of `from` that begin at `start`. */
async function merge(from: readonly string[], to: string[], start: number, run: number): Promise<void> {
  const middle = Math.min(start + run, from.length);
  const end = Math.min(middle + run, from.length);
  let left = start;
  let right = middle;
  while (left < middle || right < end) {
    const [a, b] = [from[left] as string, from[right] as string];
    const isLeft = right >= end || (left < middle && a <= b);
    to.push(isLeft ? a : b);
    if (isLeft) left += 1;
    else right += 1;
    if (to.length % KEYS_AT_ONCE === 0) await nextTurn();
  }
}
