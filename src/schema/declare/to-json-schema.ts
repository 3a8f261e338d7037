/** An Arrow schema as a JSON Schema document that `fromJsonSchema` reads back to an equal schema. */
import { SchemaError } from '../../core/errors.ts';
import type { Field, Schema } from '../arrow.ts';
import { nameOfType } from './type-names.ts';

type JsonType = Readonly<Record<string, unknown>>;

const PLAIN: Readonly<Record<string, JsonType>> = {
  int64: { type: 'integer' },
  float64: { type: 'number' },
  bool: { type: 'boolean' },
  utf8: { type: 'string' },
  binary: { type: 'string', contentEncoding: 'base64' },
  date: { type: 'string', format: 'date' },
  'timestamp(us,UTC)': { type: 'string', format: 'date-time' },
};

function jsonTypeOf(name: string): string {
  if (/^u?int\d/.test(name)) return 'integer';
  return name.startsWith('float') ? 'number' : 'string';
}

function describeType(field: Field): JsonType {
  const name = nameOfType(field.type);
  if (name === undefined) {
    throw new SchemaError(
      'SCHEMA_TYPE',
      `field ${JSON.stringify(field.name)}: type ${field.type} is not supported`,
      {
        hint: 'Use a scalar type, or Utf8 with metadata json=true for nested values.',
      },
    );
  }
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (field.metadata.get('json') === 'true') {
    return { type: ['object', 'array'], ...(name === 'utf8' ? {} : { 'x-type': name }) };
  }
  // A reader would take bounds on a plain integer as the wish for the narrowest column that holds them.
  const isBounded = field.metadata.has('minimum') || field.metadata.has('maximum');
  return plain && !isBounded ? plain : { type: jsonTypeOf(name), 'x-type': name };
}

function parseAliases(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}

function describeField(field: Field): JsonType {
  const { type, ...rest } = describeType(field);
  const { metadata } = field;
  const extras: readonly (readonly [string, unknown])[] = [
    ['minimum', metadata.has('minimum') ? Number(metadata.get('minimum')) : undefined],
    ['maximum', metadata.has('maximum') ? Number(metadata.get('maximum')) : undefined],
    ['x-aliases', parseAliases(metadata.get('aliases'))],
    ['x-key', metadata.get('key') === 'true' || undefined],
    ['x-essential', metadata.get('essential') === 'false' ? false : undefined],
    ['x-precision', metadata.get('precision')],
    ['x-format', metadata.get('format')],
  ];
  return {
    type: field.nullable ? [type, 'null'].flat() : type,
    ...rest,
    ...Object.fromEntries(extras.filter(([, value]) => value !== undefined)),
  };
}

/** @throws SchemaError SCHEMA_TYPE for a type that `compileSchema` would refuse as well */
export function toJsonSchema(schema: Schema): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    // From entries, because a field may be named __proto__.
    properties: Object.fromEntries(schema.fields.map((field) => [field.name, describeField(field)])),
    required: schema.fields
      .filter(({ metadata }) => metadata.get('optional') !== 'true')
      .map(({ name }) => name),
    additionalProperties: false,
  };
}
