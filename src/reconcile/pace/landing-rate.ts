/** Rows per second over the last second, in slices; costs the same however many answers there are. */

const SLICES = 10;
const SLICE_MS = 100;
/** A rate over less time than this would be chance. */
const SPAN_MIN_MS = 200;

export class LandingRate {
  readonly #rows = new Float64Array(SLICES);
  #slice = Number.NEGATIVE_INFINITY;
  #startedMs: number | undefined;

  add(rows: number, nowMs: number): void {
    this.#moveTo(nowMs);
    this.#startedMs ??= nowMs;
    const at = this.#slice % SLICES;
    this.#rows[at] = (this.#rows[at] ?? 0) + rows;
  }

  perSecond(nowMs: number): number {
    this.#moveTo(nowMs);
    if (this.#startedMs === undefined) return 0;
    // Up to now, not up to the end of the slice that is being filled.
    const fullMs = (SLICES - 1) * SLICE_MS + (nowMs - this.#slice * SLICE_MS);
    const spanMs = Math.min(fullMs, Math.max(SPAN_MIN_MS, nowMs - this.#startedMs));
    return (this.#rows.reduce((sum, rows) => sum + rows, 0) * 1_000) / spanMs;
  }

  #moveTo(nowMs: number): void {
    const slice = Math.floor(nowMs / SLICE_MS);
    const passed = Math.min(SLICES, slice - this.#slice);
    for (let step = 0; step < passed; step += 1) this.#rows[(slice - step) % SLICES] = 0;
    // After a second of silence there is a new beginning.
    if (passed === SLICES) this.#startedMs = undefined;
    if (passed > 0) this.#slice = slice;
  }
}
