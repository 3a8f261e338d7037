/**
 * As many requests at the same time as there are sockets; the others wait here, where their deadlines have not begun,
 * instead of in the agent, where they would end them.
 *
 * W1 a slot that was taken is given back once. W2 who waits gets a slot in the order of asking.
 */
import { linkAbort } from '../core/signal.ts';

export class S3Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `use` with a slot. @throws the reason of `signal` while it waits; what `use` throws */
  async with<T>(signal: AbortSignal | undefined, use: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    try {
      return await use();
    } finally {
      this.#giveBack();
    }
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const unlink = signal ? linkAbort(signal, reject) : () => {};
    try {
      await promise;
    } catch (error) {
      // Given a slot in the same turn: the next one has it then.
      if (!this.#waiting.delete(resolve)) this.#giveBack();
      throw error;
    } finally {
      unlink();
    }
  }

  #giveBack(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}
