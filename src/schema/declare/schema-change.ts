/** What `diffSchemas` says: plain data, for JSON and for tables. */
import type { Compatibility } from './compatibility.ts';

/** `range`, `length`, `words`, `form`: of values of the same type; `rules`: what is neither type nor value. */
export type ChangeKind =
  | 'added'
  | 'removed'
  | 'renamed'
  | 'type'
  | 'range'
  | 'length'
  | 'words'
  | 'form'
  | 'nullability'
  | 'presence'
  | 'key'
  | 'rules';

export interface SchemaChange {
  /** `meta.rssi` is within a struct, `tags[]` an item of a list; empty for the schema as a whole. */
  readonly path: string;
  readonly kind: ChangeKind;
  /** Undefined for what was not there. */
  readonly from: string | undefined;
  /** Undefined for what is gone. */
  readonly to: string | undefined;
  readonly compatibility: Compatibility;
  /** For people; may be empty for what is compatible. */
  readonly why: string;
}

export interface SchemaDiff {
  /** The worst of all changes; `compatible` when there is none. */
  readonly compatibility: Compatibility;
  readonly changes: readonly SchemaChange[];
}
