/**
 * Columns of structs and lists. A value is checked against the fields below it, and its cell is JSON text: what conforms
 * as it was written, what a rule changed as the rule left it.
 *
 * N1 the recursion is over the schema, whose depth is bounded when it is planned, never over the data alone.
 * N2 coerced text conforms: absent fields that the schema wants are null in it, unknown ones are gone.
 * N3 every changed cell inside is one part of the conversion, in the order of the schema.
 */
import type { Cell, TimeUnit } from '../core/columns.ts';
import { coerceAbsent, coerceValue, isCell, Refusal } from './coerce-value.ts';
import { parseJsonText, toJsonText } from './json-text.ts';
import type { FieldPlan, ListPlan, NestedPlan, StructPlan } from './plan.ts';
import {
  type Conversion,
  converted,
  type Dialect,
  Fault,
  type NestedChange,
  OUT_OF_RANGE,
  type Reader,
  WRONG_FORMAT,
  WRONG_TYPE,
} from './reader.ts';
import { arrayFromScalar } from './rules/array-from-scalar.ts';
import { jsonInText } from './rules/json-from-text.ts';
import { formatTime } from './time-grammar.ts';

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function below(fault: Fault, path: string): Fault {
  return new Fault(fault.kind, path + fault.path);
}

/** An own property, so that `constructor` and `__proto__` are data. */
function own(value: JsonObject, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Why one value below does not conform; undefined = it does. */
function checkField(field: FieldPlan, value: unknown, path: string): Fault | undefined {
  if (value === undefined) return field.optional ? undefined : new Fault('missing', path);
  if (value === null) return field.takesNull ? undefined : new Fault('null', path);
  const fault = field.nested ? checkNested(field.nested, value) : field.reader.read(value, 'typed');
  return fault instanceof Fault ? below(fault, path) : undefined;
}

function checkStruct({ fields, names }: StructPlan, value: unknown): Fault | undefined {
  if (!isObject(value)) return WRONG_TYPE;
  for (const field of fields) {
    const { name } = field.column;
    const fault = checkField(field, own(value, name), `.${name}`);
    if (fault) return fault;
  }
  for (const name of Object.keys(value)) {
    if (names.exact(name) === undefined) return new Fault('unknown', `.${name}`);
  }
  return undefined;
}

function checkList({ item, size }: ListPlan, value: unknown): Fault | undefined {
  if (!Array.isArray(value)) return WRONG_TYPE;
  if (size !== undefined && value.length !== size) return OUT_OF_RANGE;
  for (const element of value) {
    const fault = checkField(item, element ?? null, '[]');
    if (fault) return fault;
  }
  return undefined;
}

function checkNested(plan: NestedPlan, value: unknown): Fault | undefined {
  return plan.kind === 'struct' ? checkStruct(plan, value) : checkList(plan, value);
}

/** A cell as JSON that its own field reads back as the same cell; undefined when there is none. */
function encodeCell(cell: Cell, unit: TimeUnit | undefined): string | undefined {
  if (typeof cell === 'bigint' && unit) {
    const text = formatTime(cell, unit);
    return text && JSON.stringify(text);
  }
  return toJsonText(cell instanceof Uint8Array ? Buffer.from(cell).toString('base64') : cell);
}

/** Whether null would not conform where the field itself may be left out. */
function isAbsentOnly({ optional, takesNull }: FieldPlan): boolean {
  return optional && !takesNull;
}

/** The text of one field or element; its changes go to `parts`. `isRenamed` = the data has it under another name. */
function takeField(
  field: FieldPlan,
  value: unknown,
  path: string,
  parts: NestedChange[],
  isRenamed = false,
): string | Fault | undefined {
  const isAbsent = value === undefined;
  if (isAbsent && field.optional) return undefined;
  if (value === null && isAbsentOnly(field)) {
    parts.push({ path, kind: 'stripped', lossless: false, before: null, after: undefined, error: 0 });
    return undefined;
  }
  const result = isAbsent ? coerceAbsent(field) : coerceValue(field, value, 'typed');
  if (result instanceof Refusal) {
    const inner = result.field.slice(field.column.name.length);
    return new Fault(result.kind, path + inner);
  }
  if (!isCell(result)) {
    const text = takeConversion(field, result, value, path, parts);
    return text === 'null' && isAbsentOnly(field) ? undefined : text;
  }
  if (isAbsent || isRenamed) {
    const kind = isAbsent ? 'missing' : 'renamed';
    parts.push({ path, kind, lossless: true, before: value, after: result, error: 0 });
  }
  // The text of a nested cell is the value's own; of others too, for 1.50 and an offset conform and are kept.
  return (
    (field.nested && typeof result === 'string' ? result : toJsonText(isAbsent ? null : value)) ?? WRONG_FORMAT
  );
}

function takeConversion(
  field: FieldPlan,
  { cell, kind, lossless, error = 0, parts: inner }: Conversion,
  before: unknown,
  path: string,
  parts: NestedChange[],
): string | Fault {
  if (inner) for (const part of inner) parts.push({ ...part, path: path + part.path });
  else parts.push({ path, kind, lossless, before, after: cell, error });
  // Where any JSON may stand, a text has to be JSON itself, so its text is written as one.
  const isText = field.nested !== undefined && typeof cell === 'string';
  const text = isText ? cell : encodeCell(cell, field.column.unit);
  return text ?? new Fault('range', path);
}

function takeStruct({ fields, names }: StructPlan, value: unknown, parts: NestedChange[]): string | Fault {
  if (!isObject(value)) return WRONG_TYPE;
  const sources = names.match(Object.keys(value));
  const members: string[] = [];
  for (const [index, field] of fields.entries()) {
    const { name } = field.column;
    const source = sources.names[index];
    const before = source === undefined ? undefined : value[source];
    const text = takeField(field, before, `.${name}`, parts, source !== undefined && source !== name);
    if (text instanceof Fault) return text;
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  for (const name of sources.unknown) {
    const before = value[name];
    parts.push({ path: `.${name}`, kind: 'stripped', lossless: false, before, after: undefined, error: 0 });
  }
  return `{${members.join(',')}}`;
}

function takeList({ item, size }: ListPlan, value: unknown, parts: NestedChange[]): string | Fault {
  if (!Array.isArray(value)) return WRONG_TYPE;
  if (size !== undefined && value.length !== size) return OUT_OF_RANGE;
  const texts: string[] = [];
  for (const element of value) {
    const text = takeField(item, element ?? null, '[]', parts);
    if (text instanceof Fault) return text;
    texts.push(text ?? 'null');
  }
  return `[${texts.join(',')}]`;
}

function takeNested(plan: NestedPlan, value: unknown, parts: NestedChange[]): string | Fault {
  return plan.kind === 'struct' ? takeStruct(plan, value, parts) : takeList(plan, value, parts);
}

/** 5 for a list: `[5]`, where 5 conforms. */
function wrapScalar(plan: NestedPlan, value: unknown): Conversion | undefined {
  if (plan.kind !== 'list' || Array.isArray(value) || (plan.size !== undefined && plan.size !== 1))
    return undefined;
  const text = checkField(plan.item, value, '[]') ? undefined : toJsonText(value);
  return text === undefined ? undefined : arrayFromScalar(text);
}

/** What a text holds for this plan: JSON of the right form, or nothing. */
function parseFor(plan: NestedPlan, text: string): unknown {
  const value = parseJsonText(text);
  const isRight = plan.kind === 'struct' ? isObject(value) : Array.isArray(value);
  return isRight ? value : undefined;
}

function convertText(plan: NestedPlan, text: string): Conversion | undefined {
  const value = parseFor(plan, text);
  if (value === undefined) return wrapScalar(plan, text);
  const parts: NestedChange[] = [];
  const cell = takeNested(plan, value, parts);
  if (cell instanceof Fault) return undefined;
  const whole = jsonInText(cell, text);
  if (parts.length === 0) return whole;
  const { kind } = whole;
  parts.unshift({ path: '', kind, lossless: false, before: text, after: cell, error: 0 });
  return converted(cell, 'nested', false, 0, parts);
}

export function nestedReader(plan: NestedPlan): Reader {
  /** Every cell of csv is text, so there the JSON text is the value. */
  const unwrap = (value: unknown, dialect: Dialect): unknown =>
    dialect === 'text' && typeof value === 'string' ? parseFor(plan, value) : value;
  return {
    type: 'json',
    read(value, dialect) {
      const nested = unwrap(value, dialect);
      return (
        checkNested(plan, nested) ?? (nested === value ? toJsonText(nested) : String(value)) ?? WRONG_FORMAT
      );
    },
    convert(value, dialect) {
      if (typeof value === 'string' && dialect !== 'text') return convertText(plan, value);
      const parts: NestedChange[] = [];
      const cell = takeNested(plan, unwrap(value, dialect), parts);
      if (cell instanceof Fault) return wrapScalar(plan, value);
      // The parts say what of it is lossless; the order of the fields is lost in any case.
      return parts.length === 0 ? undefined : converted(cell, 'nested', false, 0, parts);
    },
    blame(value, dialect) {
      const nested =
        typeof value === 'string' && dialect !== 'text' ? parseFor(plan, value) : unwrap(value, dialect);
      if (nested === undefined) return WRONG_TYPE;
      const fault = takeNested(plan, nested, []);
      return fault instanceof Fault ? fault : undefined;
    },
  };
}
