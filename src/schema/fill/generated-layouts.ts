/** The code of a schema by layout: made once, used for every batch. */
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
const LAYOUTS_MAX = 8;

export class GeneratedLayouts {
  readonly #plans: readonly FieldPlan[];
  readonly #allowed: boolean;
  readonly #byId = new Map<string, FillRows | undefined>();

  /** @param allowed whether code may be generated at all */
  constructor(plans: readonly FieldPlan[], allowed: boolean) {
    this.#plans = plans;
    this.#allowed = allowed && plans.length <= COLUMNS_MAX;
  }

  /** @returns undefined when there is none: too many layouts or columns, or a host that forbids code */
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
    const known = this.#byId.get(id);
    if (known || !this.#allowed || this.#byId.has(id) || this.#byId.size >= LAYOUTS_MAX) return known;
    const made = make();
    this.#byId.set(id, made);
    return made;
  }
}
