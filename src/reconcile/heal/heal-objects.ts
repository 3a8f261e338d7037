/** The objects that keep the originals of degraded rows, with what lies next to them. */
import type { Store } from '../../stores/store.ts';
import { healPrefix, isObjectKey } from '../job.ts';
import { settledRef } from '../settlement.ts';
import { healedRef } from './heal-progress.ts';

export interface HealObject {
  readonly ref: string;
  /** A settlement lies next to it; whether it is valid is for the reader to find out. */
  readonly settlement: boolean;
  /** Keys of the documents about its progress. */
  readonly progress: readonly string[];
}

const HOUR_MS = 3_600_000;
const PLACE = /\/date=(\d{4}-\d{2}-\d{2})\/hour=(\d{2})\//;

/** In key order. @throws StorageError when the store cannot be listed */
export async function* listHealObjects(store: Pick<Store, 'list'>, chain: string): AsyncGenerator<HealObject> {
  let progress: string[] = [];
  let last: HealObject | undefined;
  for await (const { key } of store.list(healPrefix(chain))) {
    // In key order: documents about an object, the object, its settlement.
    if (last && settledRef(key) === last.ref) {
      yield { ...last, settlement: true };
      last = undefined;
    } else if (healedRef(key) !== undefined) {
      progress.push(key);
    } else if (isObjectKey(key)) {
      if (last) yield last;
      last = { ref: key, settlement: false, progress: progress.filter((one) => healedRef(one) === key) };
      progress = [];
    }
  }
  if (last) yield last;
}

/** Whether all of an object's hour was before a moment, by its name; an object without an hour never is. */
export function isBefore(ref: string, sinceMs: number): boolean {
  const [, date, hour] = PLACE.exec(ref) ?? [];
  const startMs = Date.parse(`${date}T${hour}:00:00Z`);
  return Number.isFinite(startMs) && startMs + HOUR_MS <= sinceMs;
}
