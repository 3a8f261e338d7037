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

/** @param hurry packs what is in the journal now */
export function keepOrder(
  settings: FenceSettings | false,
  {
    backlog,
    journal,
    hurry,
  }: { readonly backlog: Backlog; readonly journal: Journal; readonly hurry: () => void },
  { clock, metrics, bus }: Machine,
): KeptOrder {
  if (settings === false) return { fence: undefined, journal, backlog, close: async () => {} };
  const { chain, queue, store, decode, keyMemory: memory } = backlog;
  const fence = new OrderFence({ ...settings, chain, queue, store, decode, memory, journal, clock, hurry });
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
