/**
 * What a tier says about its rows is believed only when it can be true: a wrong word here would lose rows or
 * count them twice, and tiers are also written by users, in any language that reaches this one.
 */
import type { Outcome, Residue } from '../core/outcome.ts';
import { findRowFault, type RowSet } from '../core/row-set.ts';

/** Who makes the claim, and what it may claim about. */
export interface Claimant {
  readonly name: string;
  /** Whether it can leave with this reason at all. */
  knows(reason: string): boolean;
}

/**
 * @param rows the rows that the tier was given
 * @returns the outcome with known reasons and no empty residues; what cannot be believed is `crashed` for all rows
 */
export function checkOutcome(outcome: Outcome, claimant: Claimant, rows: RowSet, rowCount: number): Outcome {
  const fault = findFault(outcome, rows, rowCount);
  if (fault !== undefined) {
    return { residue: [{ rows, reason: 'crashed', detail: `${claimant.name} ${fault}` }] };
  }
  if (!outcome.residue || outcome.residue.length === 0) return outcome;
  const residue = outcome.residue.filter((left) => left.rows.length > 0).map((left) => relabel(left, claimant));
  return { ...outcome, residue };
}

/** A reason that is not declared would make labels unbounded; its words are kept. */
function relabel(left: Residue, claimant: Claimant): Residue {
  if (claimant.knows(left.reason)) return left;
  const detail = `undeclared reason "${left.reason}"${left.detail ? `: ${left.detail}` : ''}`;
  return { ...left, reason: 'crashed', detail };
}

function findFault(outcome: Outcome, rows: RowSet, rowCount: number): string | undefined {
  try {
    return findLie(outcome, rows, rowCount);
  } catch (error) {
    return `answered with what is no outcome: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function findLie({ residue = [], degraded }: Outcome, rows: RowSet, rowCount: number): string | undefined {
  if (residue.length === 0 && degraded === undefined) return undefined;
  const claims = new Claims(rows, rowCount);
  for (const left of residue) {
    const fault = claims.add(left.rows);
    if (fault) return `named wrong rows for "${left.reason}": ${fault}`;
  }
  if (degraded === undefined) return undefined;
  const fault = claims.add(degraded.rows);
  if (fault) return `named wrong rows as degraded: ${fault}`;
  return Array.isArray(degraded.loss.entries) ? undefined : 'degraded rows without saying how';
}

/** Rows claimed so far: each may be claimed once, by who was given it. */
class Claims {
  readonly #rows: RowSet;
  readonly #rowCount: number;
  readonly #seen = new Set<number>();
  #allowed: ReadonlySet<number> | undefined;
  #isFull = false;

  constructor(rows: RowSet, rowCount: number) {
    this.#rows = rows;
    this.#rowCount = rowCount;
  }

  /** @returns what is wrong with this claim */
  add(part: RowSet): string | undefined {
    if (part.length === 0) return undefined;
    if (this.#isFull) return 'rows are named twice';
    if (part === 'all') return this.#addAll();
    const fault = findRowFault(part, 'all', this.#rowCount);
    if (fault) return fault;
    for (const row of part) {
      if (this.#rows !== 'all' && !this.#allows(this.#rows, row)) return `row ${row} was not given to it`;
      if (this.#seen.has(row)) return `row ${row} is named twice`;
      this.#seen.add(row);
    }
    return undefined;
  }

  #addAll(): string | undefined {
    if (this.#rows !== 'all') return 'it claims all rows but was given some';
    this.#isFull = true;
    return this.#seen.size > 0 ? 'rows are named twice' : undefined;
  }

  #allows(rows: readonly number[], row: number): boolean {
    this.#allowed ??= new Set(rows);
    return this.#allowed.has(row);
  }
}
