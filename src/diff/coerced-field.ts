/** When a cell of a coerced column is the same value as its original, by what the schema says of its field. */
import type { Cell } from '../core/columns.ts';
import { isReadAs } from '../schema/explain-cell.ts';
import type { FieldPlan } from '../schema/plan.ts';
import { type Dialect, epochUnitOf } from '../schema/reader.ts';
import { typedValue } from './cell-value.ts';
import { isSameValue, nanosecondsOf } from './compare.ts';
import { exactOf } from './exact-number.ts';
import { type FieldRule, NO_RULE } from './rules.ts';
import { Decimal, nanosecondsIn } from './typed-value.ts';

/** By this part the tolerance is wider than the precision: a double is compared as the shortest decimal that it is. */
const SLACK = { digits: 1_000_000_001n, scale: 9 };

function exactRule({ column, optional, epoch }: FieldPlan, dialect: Dialect): FieldRule {
  const rule = { ...NO_RULE, isSpelled: dialect === 'text', nullIsAbsent: optional };
  const epochUnit = column.type === 'timestamp' ? (epoch ?? epochUnitOf(dialect)) : undefined;
  return epochUnit === undefined ? rule : { ...rule, epochUnit, granularity: 0n };
}

function tolerantRule(field: FieldPlan, exact: FieldRule): FieldRule {
  const { column, precision } = field;
  const rule = { ...exact, isSpelled: true };
  if (column.type === 'timestamp') return { ...rule, granularity: nanosecondsIn(column.unit ?? 'ns') };
  if (!precision) return rule;
  const { digits, scale } = precision.exact;
  const epsilon = { digits: digits * SLACK.digits, scale: scale + SLACK.scale };
  return { ...rule, epsilon: { ...precision, exact: epsilon, nearly: precision.epsilon * (1 + 1e-9) } };
}

/** One field of a schema under the rules of the comparison. */
export class CoercedField {
  readonly plan: FieldPlan;
  readonly name: string;
  readonly #dialect: Dialect;
  readonly #exact: FieldRule;
  readonly #tolerant: FieldRule;
  /** Texts of a declared form may look like another time to the engine. */
  readonly #isDeclared: boolean;

  constructor(plan: FieldPlan, dialect: Dialect) {
    this.plan = plan;
    this.name = plan.column.name;
    this.#dialect = dialect;
    this.#exact = exactRule(plan, dialect);
    this.#tolerant = tolerantRule(plan, this.#exact);
    this.#isDeclared = plan.format !== undefined;
  }

  /** Whether the engine takes both for one value. */
  isSame(before: unknown, cell: Cell): boolean {
    if (before === cell) return true;
    return !this.#isDeclared && isSameValue(before, typedValue(cell, this.plan.column), this.#exact);
  }

  /**
   * Whether the strict reading of the original is this cell, which settles what the engine does not know: declared forms of
   * times, floats of few bits, bytes as base64, JSON as text.
   * @param before with a `Decimal` for what no double is spelled as, but none within nested values
   */
  isRead(before: unknown, cell: Cell): boolean {
    return before instanceof Decimal
      ? isReadAs(this.plan, before.text, cell, 'text')
      : isReadAs(this.plan, before, cell, this.#dialect);
  }

  /** Whether a rounded cell is within the tolerance of its field, as far as the engine reads the original. */
  isWithin(before: unknown, cell: Cell): boolean {
    const value = typeof before === 'string' ? before.trim() : before;
    const isReadable =
      this.plan.column.type === 'timestamp'
        ? !this.#isDeclared && nanosecondsOf(value, this.#exact) !== undefined
        : exactOf(value) !== undefined;
    return !isReadable || isSameValue(value, typedValue(cell, this.plan.column), this.#tolerant);
  }
}
