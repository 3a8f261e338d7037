/** An Arrow schema as a JSON Schema document that `fromJsonSchema` reads back to an equal schema. */
import { SchemaError } from '../../core/errors.ts';
import { DataType, type Field, type Schema } from '../arrow.ts';
import { JSON_KINDS } from '../json-value-reader.ts';
import { integerName, narrowBounds, spellBounds } from './bounds.ts';
import { spellRootRules, spellRules } from './field-metadata.ts';
import { type JsonObject, refuseSize } from './json-object.ts';
import { DEPTH_MAX } from './subschema.ts';
import { nameOfType } from './type-names.ts';

/** What stands for a type, and the metadata that it already says. */
interface Spelled {
  readonly types: readonly string[] | undefined;
  readonly rest: JsonObject;
  readonly done?: readonly string[];
  readonly isText?: boolean;
}

const PLAIN: Readonly<Record<string, Spelled>> = {
  int64: { types: ['integer'], rest: {} },
  float64: { types: ['number'], rest: {} },
  bool: { types: ['boolean'], rest: {} },
  utf8: { types: ['string'], rest: {} },
  binary: { types: ['string'], rest: { contentEncoding: 'base64' } },
  date: { types: ['string'], rest: { format: 'date' } },
  'timestamp(us,UTC)': { types: ['string'], rest: { format: 'date-time' } },
};

function jsonTypeOf(name: string): string {
  if (/^u?int\d/.test(name)) return 'integer';
  return name.startsWith('float') ? 'number' : 'string';
}

function isTextName(name: string): boolean {
  return name === 'utf8' || name === 'large-utf8' || name.startsWith('dictionary');
}

/** The bound that the text of metadata means, when it is spelled as the bound is read. */
function boundOf(field: Field, key: 'minimum' | 'maximum'): number | undefined {
  const text = field.metadata.get(key);
  const bound = Number(text);
  return text !== undefined && Number.isFinite(bound) && String(bound) === text ? bound : undefined;
}

function spellNumber(field: Field, name: string): Spelled {
  const given = { minimum: boundOf(field, 'minimum'), maximum: boundOf(field, 'maximum') };
  const isInteger = jsonTypeOf(name) === 'integer';
  const bounds = narrowBounds(name, given);
  const done = (['minimum', 'maximum'] as const).filter((key) => bounds[key] !== undefined);
  const plain = isInteger ? integerName(bounds) : 'float64';
  return {
    types: [jsonTypeOf(name)],
    rest: { ...(name === plain ? {} : { 'x-type': name }), ...spellBounds(bounds, isInteger) },
    done,
  };
}

function parseList(text: string | undefined): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(text ?? '');
    return Array.isArray(list) && JSON.stringify(list) === text ? list : undefined;
  } catch {
    return undefined;
  }
}

/** Kinds that a document with these types reads back as JSON text of these kinds. */
function readableKinds(field: Field): readonly string[] | undefined {
  const kinds = parseList(field.metadata.get('jsonTypes'))?.map(String);
  if (!kinds) return undefined;
  const ordered = JSON_KINDS.filter((kind) => kinds.includes(kind));
  const isPlain =
    JSON.stringify(ordered) === JSON.stringify(kinds) &&
    !(kinds.includes('number') && kinds.includes('integer'));
  const isNested = kinds[0] === 'object' || kinds[0] === 'array';
  return isPlain && (kinds.length > 1 || isNested) ? kinds : undefined;
}

function spellJson(field: Field, name: string): Spelled {
  const rest = name === 'utf8' ? {} : { 'x-type': name };
  const kinds = readableKinds(field);
  if (kinds) return { types: kinds, rest, done: ['json', 'jsonTypes'] };
  return { types: ['object', 'array'], rest: { ...rest, 'x-json': true }, done: ['json'] };
}

/** The words of an `enum`, when they are spelled as they are read: texts, each once. */
function wordsOf(field: Field): readonly string[] | undefined {
  const list = parseList(field.metadata.get('enum'));
  const words = list?.filter((word) => typeof word === 'string');
  return words && words.length > 0 && words.length === list?.length && new Set(words).size === words.length
    ? words
    : undefined;
}

function spellText(field: Field, name: string, isNullable: boolean): Spelled {
  const words = wordsOf(field);
  const plain = words ? 'dictionary' : 'utf8';
  return {
    types: ['string'],
    // Null is a value of its own in an enumeration.
    rest: {
      ...(words ? { enum: isNullable ? [...words, null] : words } : {}),
      ...(name === plain ? {} : { 'x-type': name }),
    },
    done: words ? ['enum'] : [],
    isText: true,
  };
}

function spellScalar(field: Field, isNullable: boolean): Spelled {
  const name = nameOfType(field.type);
  if (name === undefined) {
    throw new SchemaError(
      'SCHEMA_TYPE',
      `field ${JSON.stringify(field.name)}: type ${field.type} is not supported`,
      {
        hint: 'Use a scalar type, a struct or a list of them, or Utf8 with metadata json=true for nested values.',
      },
    );
  }
  if (isTextName(name))
    return field.metadata.get('json') === 'true' ? spellJson(field, name) : spellText(field, name, isNullable);
  if (jsonTypeOf(name) !== 'string') return spellNumber(field, name);
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  return plain ?? { types: [jsonTypeOf(name)], rest: { 'x-type': name } };
}

function spellType(field: Field, depth: number, isNullable: boolean): Spelled {
  const type: DataType = field.type;
  if (DataType.isStruct(type)) return { types: ['object'], rest: spellFields(type.children, depth) };
  const [item] = DataType.isList(type) || DataType.isFixedSizeList(type) ? type.children : [];
  if (!item) return spellScalar(field, isNullable);
  const name = item.name === 'item' ? {} : { 'x-item': item.name };
  const size = DataType.isFixedSizeList(type) ? { minItems: type.listSize, maxItems: type.listSize } : {};
  return { types: ['array'], rest: { items: spellField(item, depth + 1, item.nullable), ...size, ...name } };
}

function mayBeAbsent({ nullable, metadata }: Field): boolean {
  return nullable && metadata.get('optional') === 'true' && metadata.get('key') !== 'true';
}

/** Whether the column is nullable only because its field may be absent, so that an explicit null is refused. */
function isAbsentOnly(field: Field): boolean {
  return mayBeAbsent(field) && field.metadata.get('nullable') === 'false';
}

/** @param isNullable whether the document is to take null, which for an item is all that its column can say */
function spellField(
  field: Field,
  depth: number,
  isNullable: boolean,
  done: readonly string[] = [],
): JsonObject {
  if (depth > DEPTH_MAX)
    return refuseSize(JSON.stringify(field.name), `nested deeper than ${DEPTH_MAX} levels`);
  const spelled = spellType(field, depth, isNullable);
  const { types, rest, isText = false } = spelled;
  const all = [...(types ?? []), ...(isNullable ? ['null'] : [])];
  const rules = spellRules(field.metadata, isText, new Set([...done, ...(spelled.done ?? [])]));
  return { ...(types ? { type: all.length === 1 ? all[0] : all } : {}), ...rest, ...rules };
}

function spellProperty(field: Field, depth: number): JsonObject {
  return spellField(field, depth, field.nullable && !isAbsentOnly(field), [
    ...(mayBeAbsent(field) ? ['optional'] : []),
    ...(isAbsentOnly(field) ? ['nullable'] : []),
  ]);
}

function checkNames(fields: readonly Field[]): void {
  const names = new Set<string>();
  for (const { name } of fields) {
    if (names.has(name)) {
      throw new SchemaError('SCHEMA_NAMES', `${JSON.stringify(name)} is the name of two fields`, {
        hint: 'Give every field a name of its own.',
      });
    }
    names.add(name);
  }
}

function spellFields(fields: readonly Field[], depth: number): JsonObject {
  checkNames(fields);
  // From entries, because a field may be named __proto__.
  const properties = Object.fromEntries(fields.map((field) => [field.name, spellProperty(field, depth + 1)]));
  const isOrdered = Object.keys(properties).every((name, index) => name === fields[index]?.name);
  return {
    properties,
    required: fields.filter((field) => !mayBeAbsent(field)).map(({ name }) => name),
    additionalProperties: false,
    // JSON objects put names such as "1" in front.
    ...(isOrdered ? {} : { 'x-order': fields.map(({ name }) => name) }),
  };
}

/**
 * Every schema that `compileSchema` takes comes back equal from `fromJsonSchema`: names, order, types, nullability and
 * all metadata. Metadata that no keyword spells is under `x-metadata`.
 * @throws SchemaError SCHEMA_TYPE for a type that `compileSchema` would refuse as well, SCHEMA_NAMES for a name that
 *   is there twice, SCHEMA_TOO_LARGE beyond 32 levels
 */
export function toJsonSchema(schema: Schema): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    ...spellFields(schema.fields, 0),
    ...spellRootRules(schema.metadata),
  };
}
