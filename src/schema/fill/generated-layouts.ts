/**
 * The code of a schema by layout: made once, used for every batch.
 *
 * G1 at most `LAYOUTS_MAX` are kept, those that were asked for last. G2 once they are that many, code is made for no more
 * than one in `MISSES_PER_MAKE` questions that find none: layouts that take turns cost no compilation for each batch, and a
 * new one that stays gets its code after some batches.
 */
import type { FieldPlan } from '../plan.ts';
import { TimeStore } from './fixed-stores.ts';
import { generatePoints } from './generated-points.ts';
import { type FillRows, generateRows } from './generated-rows.ts';
import { type Layout, layoutId } from './layout.ts';
import { type PointLayout, pointLayoutId } from './point-layout.ts';
import type { ColumnStore } from './store.ts';

/**
 * The code is one function. Of 64 columns of all types it takes a third of the time of the complete way, of 75 no less than
 * four fifths. Until it is optimised it takes three times as long, of 200 columns six times, and that lasts for tens of MiB.
 */
export const COLUMNS_MAX = 64;

/** More layouts than this are no regularity, and code is not free. */
export const LAYOUTS_MAX = 8;
export const MISSES_PER_MAKE = 32;

export class GeneratedLayouts {
  readonly #plans: readonly FieldPlan[];
  readonly #allowed: boolean;
  /** The one that was asked for last is the last one. */
  readonly #byId = new Map<string, FillRows | undefined>();
  #misses = 0;

  /** @param allowed whether code may be generated at all */
  constructor(plans: readonly FieldPlan[], allowed: boolean) {
    this.#plans = plans;
    this.#allowed = allowed && plans.length <= COLUMNS_MAX;
  }

  /** @returns undefined when there is none: too many layouts for now, too many columns, or a host that forbids code */
  get(layout: Layout, stores: readonly ColumnStore[]): FillRows | undefined {
    return this.#getOrMake(layoutId(layout), () => generateRows(this.#plans, layout, stores));
  }

  /** The same for line protocol; undefined also when a column takes no values in place. */
  getPoints(layout: PointLayout, stores: readonly ColumnStore[]): FillRows | undefined {
    // What a count means is up to the batch, not to the schema.
    const counts = stores.map((store) => store instanceof TimeStore && store.takesCounts);
    return this.#getOrMake(`${counts}\n${pointLayoutId(layout)}`, () => generatePoints(layout, stores));
  }

  #getOrMake(id: string, make: () => FillRows | undefined): FillRows | undefined {
    const isKnown = this.#byId.has(id);
    if (!isKnown && !this.#mayMake()) return undefined;
    const code = isKnown ? this.#byId.get(id) : make();
    this.#byId.delete(id);
    this.#byId.set(id, code);
    return code;
  }

  /** Makes room where there is none. */
  #mayMake(): boolean {
    if (!this.#allowed) return false;
    if (this.#byId.size < LAYOUTS_MAX) return true;
    this.#misses += 1;
    if (this.#misses < MISSES_PER_MAKE) return false;
    this.#misses = 0;
    const [oldest = ''] = this.#byId.keys();
    return this.#byId.delete(oldest);
  }
}
