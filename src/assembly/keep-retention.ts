/** Expires what was settled long ago, now and then, beside everything else that a writer does. */
import type { Clock } from '../core/clock.ts';
import { TierfallError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import { expireSettled, type RetentionOptions } from '../reconcile/retention.ts';

export interface RetentionSettings {
  /** How long an object is kept after its settlement, in milliseconds; not less than the sink keeps its records. */
  readonly settledTtlMs: number;
  /** Milliseconds between two runs; the first one comes after as many. @default 3_600_000 */
  readonly everyMs?: number;
}

export interface KeepRetentionOptions extends RetentionSettings, RetentionOptions {
  readonly clock: Clock;
  readonly emit: Emit;
}

const EVERY_MS = 3_600_000;

/** @returns stops it, and waits for a run that is under way */
export function keepRetention({
  everyMs = EVERY_MS,
  emit,
  ...options
}: KeepRetentionOptions): () => Promise<void> {
  const { chain, clock } = options;
  let running: Promise<void> = Promise.resolve();
  let isStopped = false;
  const run = async (): Promise<void> => {
    try {
      const { objects, rows } = await expireSettled(options);
      if (objects > 0) emit('objectsExpired', { chain, objects, rows });
    } catch (error) {
      // The next run ends what this one began.
      const code = error instanceof TierfallError ? error.code : 'UNEXPECTED';
      emit('storageFailed', { chain, operation: 'expire', code, message: String(error) });
    }
    if (!isStopped) cancel = clock.schedule(everyMs, tick);
  };
  const tick = (): void => {
    running = run();
  };
  let cancel = clock.schedule(everyMs, tick);
  return async () => {
    isStopped = true;
    cancel();
    await running;
  };
}
