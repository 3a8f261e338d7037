/** Long work in turns: after about 2 ms of it others are let in. */

/** Who else there is. */
export interface PaceOptions {
  /** Lets other work run. @default nobody else is let in */
  readonly yieldToLoop?: (() => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Nanoseconds of work between two turns of the event loop, as far as they can be told in advance. */
const TURN_NS = 2e6;

/** Calls `step` for rows 0 to `rows` in slices, giving way between them; a row takes about `rowNs`. */
export type InTurns = (rows: number, rowNs: number, step: (from: number, to: number) => void) => Promise<void>;

/** The work of one comparison. */
export class Pace {
  readonly #options: PaceOptions;
  #workNs = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /**
   * Gives way once enough was done. @returns a promise, which must be waited for, only then
   * @throws the reason of an aborted signal
   */
  spend(ns: number): Promise<void> | undefined {
    this.#workNs += ns;
    if (this.#workNs < TURN_NS) return undefined;
    this.#workNs = 0;
    this.#options.signal?.throwIfAborted();
    return this.#options.yieldToLoop?.();
  }

  readonly inTurns: InTurns = async (rows, rowNs, step) => {
    const slice = Math.max(1, Math.floor(TURN_NS / 2 / rowNs));
    for (let from = 0; from < rows; from += slice) {
      const to = Math.min(rows, from + slice);
      step(from, to);
      const turn = this.spend((to - from) * rowNs);
      if (turn) await turn;
    }
  };
}
