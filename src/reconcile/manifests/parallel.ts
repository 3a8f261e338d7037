/** Calls to a store side by side, a few at a time, so that one after the other does not add up their latency. */
const IN_FLIGHT_MAX = 8;

/**
 * Runs `work` for each item; no more than eight at a time, and items are taken as there is room.
 * @throws what `items` or `work` throws first, after all that was begun has ended
 */
export async function inParallel<T>(
  items: AsyncIterable<T> | Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const item of items) {
    const run: Promise<void> = work(item)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => running.delete(run));
    running.add(run);
    if (running.size >= IN_FLIGHT_MAX) await Promise.race(running);
    if (failures.length > 0) break;
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}
