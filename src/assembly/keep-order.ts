/** Wires the order fence between the chain, the journal, the packer and the workers. */
import type { Fence } from '../chain/fence.ts';
import type { Journal, RawEntry } from '../journal/journal.ts';
import { type FenceSettings, OrderFence } from '../reconcile/fence/order-fence.ts';
import type { Backlog, Machine } from './backlog.ts';

export interface KeptOrder {
  /** For the engine; undefined when batches may overtake what was deferred of their key. */
  readonly fence: Fence | undefined;
  /** The journal as the chain is to use it. */
  readonly journal: Pick<Journal, 'append'>;
  /** The backlog as the packer is to use it. */
  readonly backlog: Backlog & { readonly forgot?: (seq: number) => void };
  close(): Promise<void>;
}

export interface KeptParts {
  readonly backlog: Backlog;
  readonly journal: Journal;
  /** Whether the store has what was deferred at once, so that other writers can go by it. */
  readonly isStoredAtOnce: boolean;
  /** Packs what is in the journal now. */
  readonly hurry: () => void;
}

/** @throws ConfigError */
export function keepOrder(
  settings: FenceSettings | false,
  { backlog, journal, isStoredAtOnce, hurry }: KeptParts,
  { clock, metrics, bus }: Machine,
): KeptOrder {
  if (settings === false) return { fence: undefined, journal, backlog, close: async () => {} };
  const { chain, queue, store, decode, keyMemory: memory } = backlog;
  const marks = isStoredAtOnce ? queue.keyMarks : undefined;
  const fence = new OrderFence({
    ...settings,
    chain,
    queue,
    store,
    decode,
    memory,
    journal,
    clock,
    hurry,
    marks,
  });
  const unlisten = bus.on('jobSettled', ({ ref }) => fence.settled(ref));
  metrics.gauge('fenced_keys', { chain }, () => fence.size);
  fence.start();
  const append = (entry: RawEntry): Promise<number> => {
    const { purpose, orderingKey } = entry;
    if (purpose !== 'replay' || orderingKey === undefined) return journal.append(entry);
    return fence.appending(orderingKey, () => journal.append(entry));
  };
  return {
    fence,
    journal: { append },
    backlog: {
      ...backlog,
      stored: (objects) => fence.stored(objects),
      forgot: (seq) => fence.storedThrough(seq),
    },
    close: async () => {
      unlisten();
      await fence.close();
    },
  };
}
