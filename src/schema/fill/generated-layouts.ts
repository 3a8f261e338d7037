/** The code of a schema by layout: made once, used for every batch. */
import type { FieldPlan } from '../plan.ts';
import { type FillRows, generateRows } from './generated-rows.ts';
import { type Layout, layoutId } from './layout.ts';
import type { ColumnStore } from './store.ts';

/** More layouts than this are no regularity, and code is not free. */
const LAYOUTS_MAX = 8;

export class GeneratedLayouts {
  readonly #plans: readonly FieldPlan[];
  readonly #allowed: boolean;
  readonly #byId = new Map<string, FillRows | undefined>();

  /** @param allowed whether code may be generated at all */
  constructor(plans: readonly FieldPlan[], allowed: boolean) {
    this.#plans = plans;
    this.#allowed = allowed;
  }

  /** @returns undefined when there is none: too many layouts, or a host that forbids code */
  get(layout: Layout, stores: readonly ColumnStore[]): FillRows | undefined {
    const id = layoutId(layout);
    const known = this.#byId.get(id);
    if (known || !this.#allowed || this.#byId.has(id) || this.#byId.size >= LAYOUTS_MAX) return known;
    const made = generateRows(this.#plans, layout, stores);
    this.#byId.set(id, made);
    return made;
  }
}
