/** Heals now and then, beside everything else that a worker does. */
import type { Clock } from '../core/clock.ts';
import { TierfallError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { Heal } from './heal.ts';

export interface HealSettings {
  /** Milliseconds between two runs; the first one begins at once. */
  readonly everyMs: number;
}

export interface KeepHealingOptions extends HealSettings {
  readonly heal: Heal;
  readonly chain: string;
  readonly clock: Clock;
  readonly emit: Emit;
}

/**
 * An object of which every open row was looked at under the present schema is not read again, so a run costs a listing
 * while the schema stays.
 * @returns stops it, and waits for a run that is under way
 */
export function keepHealing({ everyMs, heal, chain, clock, emit }: KeepHealingOptions): () => Promise<void> {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    try {
      await heal({ signal: stopping.signal });
    } catch (error) {
      const code = error instanceof TierfallError ? error.code : 'UNEXPECTED';
      const message = error instanceof Error ? error.message : String(error);
      if (!stopping.signal.aborted) emit('storageFailed', { chain, operation: 'heal', code, message });
    }
    if (!stopping.signal.aborted) cancel = clock.schedule(everyMs, tick);
  };
  let running: Promise<void> = Promise.resolve();
  const tick = (): void => {
    running = run();
  };
  let cancel = clock.schedule(0, tick);
  return async () => {
    stopping.abort();
    cancel();
    await running;
  };
}
