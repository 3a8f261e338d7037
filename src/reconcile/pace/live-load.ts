/** What live traffic of the same process takes of the sink; a process without any has nothing to tell. */
import { LandingRate } from './landing-rate.ts';

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

export class LiveLoad {
  readonly #read: ReadLive;
  readonly #rate = new LandingRate();
  #accepted: number | undefined;
  #landed = 0;
  #acceptedMs = Number.NEGATIVE_INFINITY;

  constructor(read: ReadLive = () => undefined) {
    this.#read = read;
  }

  /** @returns rows per second that land, or undefined when nothing is going on */
  perSecond(nowMs: number): number | undefined {
    const counts = this.#read();
    if (!counts) return undefined;
    const landed = counts.delivered + counts.degraded;
    // What landed before the first look was not in the last second.
    if (this.#accepted !== undefined && landed > this.#landed) this.#rate.add(landed - this.#landed, nowMs);
    const isNew = counts.accepted > (this.#accepted ?? counts.accepted);
    if (isNew || counts.inFlight > 0) this.#acceptedMs = nowMs;
    this.#accepted = counts.accepted;
    this.#landed = landed;
    return nowMs - this.#acceptedMs < ACTIVE_MS ? this.#rate.perSecond(nowMs) : undefined;
  }
}
