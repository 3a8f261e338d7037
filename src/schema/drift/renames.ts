/** Which unknown names of a record are fields of the schema under another name. Nothing is guessed by similarity. */
import type { FieldNames } from '../field-names.ts';

const KNOWN_MAX = 1_024;
const NAME_MAX = 256;
/** From here on one look at all names is cheaper than one at each. */
const MANY = 16;

/** For one schema; remembers what names mean, within bounds. */
export class Renames {
  readonly #names: FieldNames;
  readonly #columns = new Map<string, number>();

  constructor(names: FieldNames) {
    this.#names = names;
  }

  /**
   * The names of `extras` (names of one record that are no field) that stand for an absent column, by column. Of
   * several names for one column an alias wins, then the first. Undefined when there are none.
   */
  find(
    extras: readonly string[],
    isAbsent: (column: number) => boolean,
  ): ReadonlyMap<number, string> | undefined {
    if (extras.length > MANY) return this.#findAmongMany(extras, isAbsent);
    let found: Map<number, string> | undefined;
    for (const name of extras) {
      const column = this.#columnOf(name);
      if (column < 0 || !isAbsent(column)) continue;
      // Two names for one column: which of them it is depends on both.
      if (found?.has(column)) return this.#findAmongMany(extras, isAbsent);
      found ??= new Map();
      found.set(column, name);
    }
    return found;
  }

  #findAmongMany(
    extras: readonly string[],
    isAbsent: (column: number) => boolean,
  ): ReadonlyMap<number, string> | undefined {
    const found = new Map<number, string>();
    this.#names.match(extras).names.forEach((name, column) => {
      if (name !== undefined && isAbsent(column)) found.set(column, name);
    });
    return found.size === 0 ? undefined : found;
  }

  /** The column that `name` means by an alias or but for case and separators; -1 for none. */
  #columnOf(name: string): number {
    const known = this.#columns.get(name);
    if (known !== undefined) return known;
    const column = this.#names.match([name]).names.indexOf(name);
    if (this.#columns.size < KNOWN_MAX && name.length <= NAME_MAX) this.#columns.set(name, column);
    return column;
  }
}
