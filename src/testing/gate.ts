/**
 * A place where a fake can be made to wait: whoever comes while it is held stays until it is released, or leaves
 * when its signal is aborted.
 */
export class Gate {
  readonly #waiting = new Set<() => void>();
  readonly #watchers = new Set<() => void>();
  #isHolding = false;

  /** Whether whoever comes now has to wait. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** How many wait. */
  get held(): number {
    return this.#waiting.size;
  }

  hold(): void {
    this.#isHolding = true;
  }

  /** Lets everybody go, and nobody wait any more. */
  release(): void {
    this.#isHolding = false;
    for (const letGo of this.#waiting) letGo();
  }

  /** Resolves once so many wait. */
  async whenHeld(count: number): Promise<void> {
    while (this.held < count) await new Promise<void>((resolve) => this.#watchers.add(resolve));
  }

  /**
   * Waits for the release. @param signal leaves early when aborted; without one it waits for the release alone
   * @throws what `abortedWith` makes of the signal's reason
   */
  wait(signal: AbortSignal | undefined, abortedWith: (reason: unknown) => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(letGo);
        signal?.removeEventListener('abort', onAbort);
      };
      const letGo = (): void => {
        leave();
        resolve();
      };
      const onAbort = (): void => {
        leave();
        reject(abortedWith(signal?.reason));
      };
      this.#waiting.add(letGo);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort);
      for (const tell of this.#watchers) tell();
      this.#watchers.clear();
    });
  }
}
