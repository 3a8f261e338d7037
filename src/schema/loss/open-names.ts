/**
 * Counters by names that come from the data: only the first of them by code units have one of their own, so that neither
 * memory nor the outcome depends on how many there are and on which come first.
 */
import { OTHER_FIELDS, STRIPPED_MAX } from '../../core/loss.ts';

/** Characters of a name that are kept. */
const NAME_MAX = 120;

function boundName(name: string): string {
  return name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1).toWellFormed()}…` : name;
}

/** Where a name belongs among ascending ones. */
function placeOf(name: string, names: readonly string[]): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class OpenNames<E extends { readonly count: number }> {
  readonly #open: (name: string) => E;
  readonly #entries = new Map<string, E>();
  /** Ascending. */
  readonly #names: string[] = [];
  #others = 0;

  constructor(open: (name: string) => E) {
    this.#open = open;
  }

  /** Counted under no name of its own. */
  get others(): number {
    return this.#others;
  }

  /** In the order of first appearance. */
  values(): Iterable<E> {
    return this.#entries.values();
  }

  /** @returns undefined when the name is one of the others, which counts it */
  of(name: string): E | undefined {
    const bound = boundName(name);
    const entry = this.#entries.get(bound) ?? this.#admit(bound);
    if (!entry) this.#others += 1;
    return entry;
  }

  #admit(name: string): E | undefined {
    if (name === OTHER_FIELDS) return undefined;
    if (this.#entries.size >= STRIPPED_MAX) {
      const last = this.#names.at(-1) ?? '';
      if (name > last) return undefined;
      // This name takes the place of one that a merge would not keep either; that one never comes back.
      this.#others += this.#entries.get(last)?.count ?? 0;
      this.#entries.delete(last);
      this.#names.pop();
    }
    this.#names.splice(placeOf(name, this.#names), 0, name);
    const entry = this.#open(name);
    this.#entries.set(name, entry);
    return entry;
  }
}
