/** Opens what another process may hold for a moment: a worker that packs leftovers, or a verify that looks. */
import type { Clock } from '../core/clock.ts';
import { DirectoryLockedError } from '../core/errors.ts';

const PATIENCE_MS = 600;
const RETRY_MS = 20;

/** @throws DirectoryLockedError when the owner has not gone after 600 ms; what `open` throws otherwise */
export async function openPatiently<T>(clock: Clock, open: () => Promise<T>): Promise<T> {
  const startedMs = clock.now();
  for (;;) {
    try {
      return await open();
    } catch (error) {
      const waitedMs = clock.now() - startedMs;
      if (!(error instanceof DirectoryLockedError) || waitedMs >= PATIENCE_MS) throw error;
    }
    await new Promise<void>((resolve) => clock.schedule(RETRY_MS, resolve, { keepAlive: true }));
  }
}
