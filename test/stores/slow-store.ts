import type { Clock } from '../../src/core/clock.ts';
import type { Store } from '../../src/stores/store.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';

/** A store whose puts take their time, as those over a network do. */
export class SlowStore implements Pick<Store, 'put' | 'name'> {
  readonly name = 'slow';
  readonly objects = new MemoryStore();
  readonly #clock: Clock;
  readonly #latencyMs: () => number;
  inFlight = 0;
  inFlightMax = 0;

  constructor(clock: Clock, latencyMs: () => number) {
    this.#clock = clock;
    this.#latencyMs = latencyMs;
  }

  async put(key: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    try {
      await new Promise<void>((resolve) => this.#clock.schedule(this.#latencyMs(), resolve));
      return await this.objects.put(key, chunks);
    } finally {
      this.inFlight -= 1;
    }
  }
}
