/** Columns as one object per row, for sinks that take records. */
import type { Cell, Columns } from '../core/columns.ts';

export type CellRecord = Readonly<Record<string, Cell>>;

/**
 * Objects whose prototype has no prototype and no members, so that a field named `__proto__` or `constructor` is data;
 * made by a function of their own, because `Object.create(null)` gives objects that are slow to make and to read.
 */
class Row {}
Object.setPrototypeOf(Row.prototype, null);
Reflect.deleteProperty(Row.prototype, 'constructor');

export function recordsOf({ columns, rows, vectors }: Columns): readonly CellRecord[] {
  const records: Record<string, Cell>[] = Array.from(
    { length: rows.length },
    () => new Row() as Record<string, Cell>,
  );
  columns.forEach(({ name }, index) => {
    const vector = vectors[index];
    for (let place = 0; place < records.length; place += 1) {
      (records[place] as Record<string, Cell>)[name] = vector?.at(place) ?? null;
    }
  });
  return records;
}
