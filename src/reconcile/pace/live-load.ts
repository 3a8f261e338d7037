/** What live traffic of the same process takes of the sink; a process without any has nothing to tell. */

/** Counts since the engine started, as its ledger keeps them. */
export interface LiveCounts {
  readonly accepted: number;
  readonly delivered: number;
  readonly degraded: number;
  readonly inFlight: number;
}

/** Undefined while there is no engine. */
export type ReadLive = () => LiveCounts | undefined;

/** Without a new record for this long, nobody is held back for live traffic. */
const ACTIVE_MS = 2_000;
/** The rate forgets within about this time. */
const MEMORY_MS = 1_000;
/** Looks closer together than this would measure single batches. */
const LOOK_MS = 50;

export class LiveLoad {
  readonly #read: ReadLive;
  #accepted: number | undefined;
  #landed = 0;
  #perSecond = 0;
  #lookedMs = 0;
  #activeMs = Number.NEGATIVE_INFINITY;

  constructor(read: ReadLive = () => undefined) {
    this.#read = read;
  }

  /** @returns rows per second that land, or undefined when nothing is going on */
  perSecond(nowMs: number): number | undefined {
    if (this.#accepted === undefined || nowMs - this.#lookedMs >= LOOK_MS) this.#look(nowMs);
    return nowMs - this.#activeMs < ACTIVE_MS ? this.#perSecond : undefined;
  }

  /** Looks come as replay happens to ask, so a rate is that of the time between two of them. */
  #look(nowMs: number): void {
    const counts = this.#read();
    if (!counts) return;
    const landed = counts.delivered + counts.degraded;
    if (counts.accepted > (this.#accepted ?? counts.accepted) || counts.inFlight > 0) this.#activeMs = nowMs;
    if (this.#accepted !== undefined) {
      const gapMs = nowMs - this.#lookedMs;
      const rate = ((landed - this.#landed) * 1_000) / gapMs;
      this.#perSecond += (rate - this.#perSecond) * (1 - Math.exp(-gapMs / MEMORY_MS));
    }
    this.#accepted = counts.accepted;
    this.#landed = landed;
    this.#lookedMs = nowMs;
  }
}
