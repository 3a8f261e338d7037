/** What a comparison tells: single changes as they are found, and the account at the end. */
import type { CellChange } from './compare.ts';

/** A record as a comparison sees it: own enumerable properties, any names. */
export type DiffRecord = Readonly<Record<string, unknown>>;

/** One record that is not the same on both sides. Rows count from 0, in the order of their side. */
export type DiffChange =
  | {
      readonly kind: 'removed';
      /** Values of the key fields; nothing without key fields. */
      readonly key: readonly unknown[];
      readonly rowA: number;
      readonly record: DiffRecord;
    }
  | {
      readonly kind: 'added';
      readonly key: readonly unknown[];
      readonly rowB: number;
      readonly record: DiffRecord;
    }
  | {
      readonly kind: 'changed';
      readonly key: readonly unknown[];
      readonly rowA: number;
      readonly rowB: number;
      /** At least one. */
      readonly cells: readonly CellChange[];
    };

/** Told each change, in the order of the comparison; a promise is waited for. */
export type OnChange = (change: DiffChange) => void | Promise<void>;

export interface FieldChanges {
  /** As in `CellChange`, with `[]` for every element of an array. */
  readonly field: string;
  readonly changed: number;
}

/** Rows whose key was there before on the same side. They are compared all the same. */
export interface Duplicates {
  readonly a: number;
  readonly b: number;
  /** Keys of the first few. */
  readonly samples: readonly (readonly unknown[])[];
}

/** The account: rowsA = equal + changed + removed, rowsB = equal + changed + added. */
export interface DiffReport {
  readonly isEqual: boolean;
  readonly rowsA: number;
  readonly rowsB: number;
  readonly equal: number;
  readonly changed: number;
  readonly added: number;
  readonly removed: number;
  /** Cells in the changed rows that differ. */
  readonly changedCells: number;
  /** Most changed first. */
  readonly fields: readonly FieldChanges[];
  readonly duplicates: Duplicates;
  /** The first few changes of each kind. */
  readonly samples: readonly DiffChange[];
}
