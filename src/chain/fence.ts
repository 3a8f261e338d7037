/**
 * The port of the order fence: batches of an ordering key wait behind what was deferred of it.
 *
 * Asked when a batch with an ordering key has its turn, so never for two batches of one key at a time.
 */
export interface Fence {
  /**
   * @returns undefined when nothing of the key is deferred; else what becomes of the batch: `fenced` batches leave the
   * entry with that reason, `open` ones go on as if nothing had been
   */
  enter(key: string): undefined | Promise<'open' | 'fenced'>;
}
