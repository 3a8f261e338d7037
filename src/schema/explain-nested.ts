/**
 * The diff validator inside nested values: walks the old value and the new text side by side, along the schema.
 *
 * P1 every cell is either read the same on both sides or explained by the next claimed part, whose path, old value and
 * new cell are those of this place. P2 no part is left over, and no name is gone or new without a part.
 */
import type { Change } from './change.ts';
import { isReadAs } from './explain-cell.ts';
import { parseJsonText, toJsonText } from './json-text.ts';
import type { FieldPlan, ListPlan, NestedPlan, StructPlan } from './plan.ts';
import { type Dialect, Fault, type NestedChange } from './reader.ts';

type Explain = (field: FieldPlan, change: Change, dialect: Dialect) => boolean;
type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class Walk {
  readonly #parts: readonly NestedChange[];
  readonly #explain: Explain;
  #next = 0;

  constructor(parts: readonly NestedChange[], explain: Explain) {
    this.#parts = parts;
    this.#explain = explain;
  }

  get isDone(): boolean {
    return this.#next === this.#parts.length;
  }

  /** The next part, if it claims this old value at this path. */
  claim(path: string, before: unknown): NestedChange | undefined {
    const part = this.#parts[this.#next];
    if (part?.path !== path || !Object.is(part.before, before)) return undefined;
    this.#next += 1;
    return part;
  }

  nested(plan: NestedPlan, before: unknown, after: unknown, path: string): boolean {
    return plan.kind === 'struct'
      ? this.#struct(plan, before, after, path)
      : this.#list(plan, before, after, path);
  }

  #struct({ fields, names }: StructPlan, before: unknown, after: unknown, path: string): boolean {
    if (!isObject(before) || !isObject(after)) return false;
    const sources = names.match(Object.keys(before));
    const isEveryField = fields.every((field, index) => {
      const { name } = field.column;
      const source = sources.names[index];
      const old = source === undefined ? undefined : before[source];
      const now = Object.hasOwn(after, name) ? after[name] : undefined;
      return this.#field(field, source, old, now, `${path}.${name}`);
    });
    const isEveryOther = sources.unknown.every(
      (name) => this.claim(`${path}.${name}`, before[name])?.kind === 'stripped',
    );
    return isEveryField && isEveryOther && Object.keys(after).every((name) => names.exact(name) !== undefined);
  }

  #list({ item }: ListPlan, before: unknown, after: unknown, path: string): boolean {
    if (!Array.isArray(before) || !Array.isArray(after) || before.length !== after.length) return false;
    return before.every((old, index) =>
      this.#field(item, item.column.name, old ?? null, after[index], `${path}[]`),
    );
  }

  #field(field: FieldPlan, source: string | undefined, before: unknown, after: unknown, path: string): boolean {
    const isSameName = source === field.column.name;
    if (before === undefined && after === undefined) return field.optional;
    // Where null does not conform and the field may be left out, it is.
    if (before === null && after === undefined)
      return field.optional && !field.takesNull && this.claim(path, before)?.kind === 'stripped';
    const isInside = field.nested && isOfForm(field.nested, before) && isOfForm(field.nested, after);
    if (isInside && field.nested && isSameName) return this.nested(field.nested, before, after, path);
    if (!field.nested && isSameName && isSame(field, before, after)) return true;
    if (field.nested && isSameName && before === null && after === null) return field.column.nullable;
    return this.#claimed(field, source, before, after, path);
  }

  #claimed(
    field: FieldPlan,
    source: string | undefined,
    before: unknown,
    after: unknown,
    path: string,
  ): boolean {
    const { nested } = field;
    // A renamed struct in which something changed is counted by what changed in it.
    if (nested && isOfForm(nested, before) && isOfForm(nested, after)) {
      const part = this.claim(path, before);
      if (part && part.kind !== 'renamed') return false;
      const start = this.#next;
      return this.nested(nested, before, after, path) && (part === undefined) === this.#next > start;
    }
    const part = this.claim(path, before);
    if (!part) return false;
    if (nested && part.kind === 'json-from-text' && typeof before === 'string')
      return this.nested(nested, parseJsonText(before), after, path);
    if (!isCellOf(field, part, after)) return false;
    const change: Change = { ...part, field: field.column.name, column: 0, source };
    return this.#explain(field, change, 'typed');
  }
}

function isOfForm(plan: NestedPlan, value: unknown): boolean {
  return plan.kind === 'struct' ? isObject(value) : Array.isArray(value);
}

/** Whether both sides are read as the same cell. */
function isSame(field: FieldPlan, before: unknown, after: unknown): boolean {
  if (before === null || after === null) return before === after && field.column.nullable;
  const cell = after === undefined ? undefined : field.reader.read(after, 'typed');
  return cell !== undefined && !(cell instanceof Fault) && isReadAs(field, before, cell, 'typed');
}

/** Whether the new text holds the cell that a part claims. */
function isCellOf(field: FieldPlan, part: NestedChange, after: unknown): boolean {
  if (after === undefined && field.optional && !field.takesNull) return part.after === null;
  if (part.after === null || after === null) return part.after === after;
  if (field.nested) return part.after === toJsonText(after);
  return after !== undefined && isReadAs(field, after, part.after, 'typed');
}

/** `parts` undefined = the text `before` holds just what `after` is. */
export function isNestedExplained(
  field: FieldPlan,
  before: unknown,
  after: string,
  parts: readonly NestedChange[] | undefined,
  explain: Explain,
): boolean {
  const plan = field.nested;
  if (!plan) return false;
  const walk = new Walk(parts ?? [], explain);
  const isText = typeof before === 'string';
  if (isText && parts && walk.claim('', before)?.kind !== 'json-from-text') return false;
  const value = isText ? parseJsonText(before) : before;
  return walk.nested(plan, value, parseJsonText(after), '') && walk.isDone;
}
