/**
 * Two schemas compared: what changed, and what each change means for records that were written for the first.
 *
 * V2 every difference of names, types, nullability and rules is one change; equal schemas have none. V3 a change is
 * judged for JSON records and for the strict check of the second schema; when the whole is `compatible`, every record
 * that conforms to the first conforms to the second.
 */
import type { Field, Schema } from '../arrow.ts';
import { compileSchema } from '../compile-schema.ts';
import { FieldNames } from '../field-names.ts';
import {
  breaking,
  COMPATIBLE,
  type Compatibility,
  coercible,
  compatible,
  type Verdict,
  worstOf,
} from './compatibility.ts';
import { domainOf, type FieldDomain } from './field-domain.ts';
import { diffRules } from './rule-changes.ts';
import type { ChangeKind, SchemaChange, SchemaDiff } from './schema-change.ts';
import { judgeType, rangeWords } from './type-change.ts';

/** Where fields are compared: what is nested has no coercion by field of its own. */
interface Level {
  /** Path of what the fields are in: empty for a record, `meta.` within a struct. */
  readonly prefix: string;
  readonly refusesUnknown: boolean;
}

function change(path: string, kind: ChangeKind, verdict: Verdict, from?: string, to?: string): SchemaChange {
  return { path, kind, from, to, ...verdict };
}

function typeWords({ family, name, kinds }: FieldDomain): string {
  if (family === 'json' && kinds) return kinds.join(' | ');
  return name;
}

function isFlag(field: Field, key: string): boolean {
  return field.metadata.get(key) === 'true';
}

/** Whether an explicit null conforms. */
function takesNull(field: Field): boolean {
  return field.nullable && field.metadata.get('nullable') !== 'false';
}

function presenceWords(field: Field): string {
  return isFlag(field, 'optional') ? 'optional' : 'required';
}

/** What stands for nothing where the new schema has no place for it. */
function judgeNothing(to: Field, words: string): Verdict {
  if (to.nullable) return coercible(`${words} becomes null`);
  if (to.metadata.has('default')) return coercible(`${words} becomes the default`);
  return breaking(`${words} is refused`);
}

function judgeAdded(to: Field): Verdict {
  return isFlag(to, 'optional') ? compatible('may be absent') : judgeNothing(to, 'absence');
}

/** A value that the new type refuses costs only itself where the field may do without it. */
function soften(verdict: Verdict, to: Field): Verdict {
  const isSpared =
    verdict.compatibility === 'breaking' && to.nullable && to.metadata.get('essential') === 'false';
  return isSpared ? coercible(`${verdict.why}: becomes null`) : verdict;
}

function diffNullability(path: string, from: Field, to: Field): readonly SchemaChange[] {
  const changes: SchemaChange[] = [];
  if (takesNull(from) !== takesNull(to)) {
    const verdict = takesNull(to) ? COMPATIBLE : judgeNothing(to, 'null');
    const words = (field: Field) => (takesNull(field) ? 'nullable' : 'not null');
    changes.push(change(path, 'nullability', verdict, words(from), words(to)));
  }
  if (isFlag(from, 'optional') !== isFlag(to, 'optional')) {
    const verdict = isFlag(to, 'optional') ? COMPATIBLE : judgeNothing(to, 'absence');
    changes.push(change(path, 'presence', verdict, presenceWords(from), presenceWords(to)));
  }
  return changes;
}

function diffType(path: string, from: FieldDomain, to: FieldDomain): readonly SchemaChange[] {
  const [old, now] = [typeWords(from), typeWords(to)];
  const isSameType = from.family === to.family && old === now;
  const verdict = isWrapped(from, to) ? coercible('becomes a list of one') : judgeType(from, to);
  if (!isSameType) return [change(path, 'type', verdict, old, now)];
  const [low, high] = [rangeWords(from), rangeWords(to)];
  return low === high ? [] : [change(path, 'range', verdict, low, high)];
}

/** A value that conforms as an element becomes a list of one; but text may hold a list already. */
function isWrapped(from: FieldDomain, to: FieldDomain): boolean {
  const [item] = to.fields;
  const isPlain = from.family !== 'list' && from.family !== 'json' && from.family !== 'text';
  if (to.family !== 'list' || !item || !isPlain || (to.size !== undefined && to.size !== 1)) return false;
  return diffField('', from.field, item).every(
    ({ kind, compatibility }) =>
      compatibility === 'compatible' || kind === 'nullability' || kind === 'presence',
  );
}

function diffField(path: string, from: Field, to: Field): readonly SchemaChange[] {
  const [old, now] = [domainOf(from), domainOf(to)];
  const own = [...diffType(path, old, now), ...diffRules(path, old, now)].map((each) => ({
    ...each,
    ...soften(each, to),
  }));
  return [...own, ...diffNullability(path, from, to), ...diffInside(path, old, now)];
}

function diffInside(path: string, from: FieldDomain, to: FieldDomain): readonly SchemaChange[] {
  if (from.family === 'struct' && to.family === 'struct')
    return diffFields(from.fields, to.fields, { prefix: `${path}.`, refusesUnknown: false });
  const [old, now] = [from.fields[0], to.fields[0]];
  return from.family === 'list' && to.family === 'list' && old && now ? diffField(`${path}[]`, old, now) : [];
}

function namesOf(fields: readonly Field[]): FieldNames {
  return new FieldNames(
    fields.map(({ name, metadata }) => ({
      column: { name },
      aliases: JSON.parse(metadata.get('aliases') ?? '[]') as readonly string[],
    })),
  );
}

function diffFields(from: readonly Field[], to: readonly Field[], level: Level): readonly SchemaChange[] {
  const { prefix, refusesUnknown } = level;
  const old = new Map(from.map((field) => [field.name, field]));
  const sources = namesOf(to).match([...old.keys()]);
  const changes = to.flatMap((field, index) => {
    const path = `${prefix}${field.name}`;
    const source = sources.names[index];
    const before = source === undefined ? undefined : old.get(source);
    if (!before || source === undefined)
      return [change(path, 'added', judgeAdded(field), undefined, typeWords(domainOf(field)))];
    const renamed =
      source === field.name
        ? []
        : [change(path, 'renamed', coercible('is found under its old name'), source, field.name)];
    return [...renamed, ...diffField(path, before, field)];
  });
  const removed = sources.unknown.map((name) => {
    const verdict = refusesUnknown ? breaking('unknown fields are refused') : coercible('is stripped');
    const field = old.get(name);
    return change(`${prefix}${name}`, 'removed', verdict, field && typeWords(domainOf(field)));
  });
  return [...changes, ...removed];
}

function diffRoot(from: Schema, to: Schema): readonly SchemaChange[] {
  const [old, now] = [from, to].map(({ metadata }) => metadata.get('onUnknown') ?? 'strip');
  return old === now
    ? []
    : [change('', 'rules', COMPATIBLE, `unknown fields: ${old}`, `unknown fields: ${now}`)];
}

/**
 * What changed from `from` to `to`, the fields of `to` in their order first, then what is gone. Renamed is a field that
 * `to` has under another name: by an alias, or the same but for case and separators.
 * @throws SchemaError when either schema cannot be compiled
 */
export function diffSchemas(from: Schema, to: Schema): SchemaDiff {
  compileSchema(from);
  compileSchema(to);
  const refusesUnknown = to.metadata.get('onUnknown') === 'refuse';
  const changes = [
    ...diffRoot(from, to),
    ...diffFields(from.fields, to.fields, { prefix: '', refusesUnknown }),
  ];
  return { compatibility: worstOf(changes.map((each): Compatibility => each.compatibility)), changes };
}
