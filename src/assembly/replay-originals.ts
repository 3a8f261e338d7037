/**
 * Where replay keeps the originals of rows that it delivers degraded. A worker has no journal, so each entry is an object
 * of its own: the originals are then kept as long as those of live batches, whatever becomes of the replayed object.
 */
import type { Emit } from '../core/events.ts';
import type { Journal, RawEntry } from '../journal/journal.ts';
import { packEntries } from '../stores/pack.ts';
import type { EncodeOptions } from '../stores/parquet.ts';
import type { Store } from '../stores/store.ts';

export interface ReplayOriginalsOptions {
  readonly store: Pick<Store, 'put'>;
  readonly chain: string;
  readonly emit: Emit;
  readonly encode?: EncodeOptions | undefined;
}

/** Appending the same rows again, as after a crash, gives the same object. */
export function replayOriginals(options: ReplayOriginalsOptions): Pick<Journal, 'append'> {
  const { encode = {}, ...rest } = options;
  return {
    async append(entry) {
      await packEntries([withoutPassages(entry)], { ...rest, encode, announce: async () => undefined });
      return 0;
    },
  };
}

/** What each attempt took is another number each time. */
function withoutPassages(entry: RawEntry): RawEntry {
  const { passages: _ofThisAttempt, ...trail } = JSON.parse(entry.trail) as Record<string, unknown>;
  return { ...entry, trail: JSON.stringify({ ...trail, passages: [] }) };
}
