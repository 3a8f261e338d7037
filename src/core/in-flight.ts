/** Work side by side, in bounds. */

export interface InFlightLimits<T> {
  /** Of one kind of work at the same time. */
  readonly atOnceMax: number;
  /** What they may hold together; one alone may hold more. @default no limit */
  readonly bytesMax?: number;
  readonly bytesOf?: (item: T) => number;
}

/**
 * Results in the order of `items`.
 * @throws the first failure, after the work that was under way has ended; nothing is begun after it
 */
export async function mapInFlight<T, R>(
  items: readonly T[],
  { atOnceMax, bytesMax = Number.POSITIVE_INFINITY, bytesOf = () => 0 }: InFlightLimits<T>,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const running = new Set<Promise<void>>();
  let bytes = 0;
  let failure: { readonly error: unknown } | undefined;
  for (const [at, item] of items.entries()) {
    const own = bytesOf(item);
    while (running.size >= atOnceMax || (running.size > 0 && bytes + own > bytesMax))
      await Promise.race(running);
    if (failure) break;
    bytes += own;
    const one = work(item)
      .then(
        (result) => {
          results[at] = result;
        },
        (error: unknown) => {
          failure ??= { error };
        },
      )
      .finally(() => {
        bytes -= own;
        running.delete(one);
      });
    running.add(one);
  }
  await Promise.all(running);
  if (failure) throw failure.error;
  return results;
}
