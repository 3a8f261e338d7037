/** One row as an object. */
import type { Cell } from '../../core/columns.ts';

export type CellRecord = Readonly<Record<string, Cell>>;

/**
 * Leaves objects of a class with a prototype that has neither prototype nor members, so that a field named `__proto__` or
 * `constructor` is data. `Object.create(null)` would do the same with objects that are slow to make and to read.
 */
export function isolate({ prototype }: { readonly prototype: object }): void {
  Object.setPrototypeOf(prototype, null);
  Reflect.deleteProperty(prototype, 'constructor');
}
