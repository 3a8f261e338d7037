/**
 * The port of marks that all writers of a chain see: which object of the store holds an ordering key last. For writers
 * that share their keys and have no journal of their own, because what they deferred is in the store at once.
 *
 * K1 a mark is there before the rows of its object are acknowledged, unless whoever keeps the marks is away. K2 marks are
 * hints of one memory: `memory` names it, and whoever relies on marks looks at the store again when it is another one.
 */
import type { StoredKeys } from './key-backlog.ts';

export interface FoundMarks {
  /** Another value says that marks may have been lost. */
  readonly memory: string;
  /** Refs by key; keys without a mark are left out. */
  readonly refs: ReadonlyMap<string, string>;
}

export interface KeyMarks {
  /** @throws StorageError when they cannot be asked */
  find(keys: readonly string[]): Promise<FoundMarks>;
  /** A mark of an older object of the key is replaced; a newer one stays. @throws StorageError */
  add(objects: readonly StoredKeys[]): Promise<void>;
  /** The objects are settled; marks of other objects stay. @throws StorageError */
  remove(marks: ReadonlyMap<string, string>): Promise<void>;
}
