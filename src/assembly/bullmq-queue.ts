/** The queue in Redis on this machine's clock: the adapter sees ports only, so what it needs is given here. */
import { systemClock } from '../platform/system-clock.ts';
import * as adapter from '../reconcile/bullmq/bullmq-queue.ts';
import type { Queue } from '../reconcile/queue.ts';

/** The clock is the machine's unless given. */
export type BullmqQueueOptions = Omit<adapter.BullmqQueueOptions, 'clock'> &
  Partial<Pick<adapter.BullmqQueueOptions, 'clock'>>;

/**
 * A queue of reconcile jobs in Redis. Connects with the first call; needs the packages `bullmq` and `ioredis`, which are
 * loaded then. A pipeline opens its own: give it `queue: 'redis://…'`.
 * @throws ConfigError for a namespace or a connection that cannot be one; every call rejects with StorageError, or with
 * ConfigError when a package is missing or that Redis may evict keys
 */
export function bullmqQueue(options: BullmqQueueOptions): Queue {
  return adapter.bullmqQueue({ clock: systemClock, ...options });
}
