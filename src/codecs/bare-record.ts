/**
 * Records that inherit nothing, so that any field name is data.
 *
 * `Object.create(null)` makes a hash table, which is three times slower to fill and larger. These are objects like any other
 * whose prototype is an empty, frozen object without a prototype of its own.
 */

export type BareRecord = Record<string, unknown>;

const NOTHING = Object.freeze(Object.create(null) as object);

const Bare = function bareRecord(this: object): void {} as unknown as new () => BareRecord;
Object.defineProperty(Bare, 'prototype', { value: NOTHING });

/** An empty record that inherits nothing. */
export function createBareRecord(): BareRecord {
  return new Bare();
}

/** Whether the value inherits nothing: a bare record, or an object without prototype. */
export function isBareRecord(value: object): value is BareRecord {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === NOTHING || prototype === null;
}

/** The same name as the engine keeps it for the keys of objects, with which records are filled much faster. */
export function asKey(name: string): string {
  return Object.keys({ [name]: 0 })[0] ?? name;
}
