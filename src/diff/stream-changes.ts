/** The changes of a comparison as an async iterable. */
import type { DiffChange, OnChange } from './change.ts';

/** Ends a comparison whose changes nobody wants any more. */
class Stopped extends Error {}

/** One change that waits to be taken; the comparison waits with it, so there is never a second one. */
class Handover {
  #change: DiffChange | undefined;
  #taken: (() => void) | undefined;
  #refused: ((error: Error) => void) | undefined;
  #arrived: (() => void) | undefined;
  #isOver = false;

  readonly put = (change: DiffChange): Promise<void> =>
    new Promise((resolve, reject) => {
      if (this.#isOver) return reject(new Stopped());
      this.#change = change;
      [this.#taken, this.#refused] = [resolve, reject];
      this.#arrived?.();
    });

  /** The next change, or undefined once there will be none. */
  async take(): Promise<DiffChange | undefined> {
    this.#taken?.();
    [this.#change, this.#taken] = [undefined, undefined];
    if (this.#isOver) return undefined;
    await new Promise<void>((resolve) => {
      this.#arrived = resolve;
      if (this.#change) resolve();
    });
    return this.#change;
  }

  end(): void {
    this.#isOver = true;
    this.#refused?.(new Stopped());
    this.#arrived?.();
  }
}

/**
 * Runs a comparison and gives its changes one by one; it goes on only when the next one is asked for, and ends when the loop
 * is left.
 * @param run a comparison: `(onChange) => diffRecords(a, b, { key, onChange })`
 * @returns what `run` resolves with, as the value of the finished generator
 * @throws what `run` throws
 */
export async function* streamChanges<R>(
  run: (onChange: OnChange) => Promise<R>,
): AsyncGenerator<DiffChange, R, undefined> {
  const handover = new Handover();
  const running = run(handover.put).finally(() => handover.end());
  // The error is thrown where `running` is waited for; until then it must not count as unhandled.
  running.catch(() => {});
  try {
    for (let change = await handover.take(); change; change = await handover.take()) yield change;
  } finally {
    handover.end();
  }
  return await running;
}
