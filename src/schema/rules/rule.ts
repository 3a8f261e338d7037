/** What every rule of coercion states about itself. The rules themselves are the other files of this folder. */
import type { Cell } from '../../core/columns.ts';

export interface Rule {
  /** What cannot be computed back, in words; undefined = nothing, every such change is lossless. */
  readonly loss: string | undefined;
  /**
   * The inverse: the old value of a lossless change from its new cell; undefined = it was absent. Numbers come back as
   * numbers or, where those would not be exact, as bigint.
   */
  restore?(after: Cell): unknown;
}
