/** A wait that ends at its time or when somebody has news, for loops that must not spin. */
import type { Clock } from '../core/clock.ts';

export class Waiting {
  readonly #clock: Clock;
  #wake: (() => void) | undefined;
  #hasNews = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the current wait, or the next one when nobody waits: news that comes early is not lost. */
  wake(): void {
    this.#hasNews = true;
    this.#wake?.();
  }

  /** Resolves after `delayMs` or at `wake`. One caller at a time. */
  async wait(delayMs: number): Promise<void> {
    if (!this.#hasNews) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.schedule(delayMs, resolve, { keepAlive: true });
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#hasNews = false;
  }
}
