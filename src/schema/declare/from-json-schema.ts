/**
 * JSON Schema (a subset of draft 2020-12) to an Arrow schema.
 *
 * K1 a keyword is enforced exactly or refused by name, never ignored; only annotations say nothing. K2 the strict check
 * of the schema that comes out and the document agree on every JSON record, but for what is told at `fromJsonSchema`.
 */
import { type DataType, Field, FixedSizeList, List, Schema, Struct } from '../arrow.ts';
import { type ColumnType, columnKindOf, readColumnType, readTaken, type Taken } from './column-type.ts';
import { addLiteral, readRootRules, readRules } from './field-metadata.ts';
import {
  escapePointer,
  isJsonObject,
  type JsonObject,
  keywordOf,
  refuseKeyword,
  refuseSize,
  showKeyword,
} from './json-object.ts';
import { type ColumnKind, KEYWORDS_OF, ROOT_KEYWORDS, refuseUnknown } from './keywords.ts';
import { below, FIELDS_MAX, type Place, type Reading, resolveSchema } from './subschema.ts';

/** Versions in which the keywords read here mean the same. */
const DRAFTS = /^https?:\/\/json-schema\.org\/(?:draft\/20(?:19-09|20-12)|draft-0[67])\/schema#?$/;

interface Value {
  readonly type: DataType;
  readonly metadata: Map<string, string>;
  readonly takesNull: boolean;
}

function readNames(schema: JsonObject, keyword: string, path: string): readonly string[] | undefined {
  const names = keywordOf(schema, keyword);
  if (names === undefined) return undefined;
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
  return refuseKeyword(`${path}/${keyword}`, 'expected an array of names');
}

/** Names in the order that columns have: `x-order` where JSON would put names such as "1" in front. */
function orderOf(properties: JsonObject, schema: JsonObject, path: string): readonly string[] {
  const names = Object.keys(properties);
  const order = readNames(schema, 'x-order', path);
  if (!order) return names;
  const isSame = order.length === names.length && new Set(order).size === names.length;
  if (isSame && order.every((name) => Object.hasOwn(properties, name))) return order;
  return refuseKeyword(`${path}/x-order`, 'expected every property once');
}

function readFields(reading: Reading, schema: JsonObject, place: Place): Field[] {
  const { path } = place;
  const properties = keywordOf(schema, 'properties') ?? {};
  if (!isJsonObject(properties))
    return refuseKeyword(`${path}/properties`, `expected an object, found ${showKeyword(properties)}`);
  if (![undefined, false].includes(keywordOf(schema, 'additionalProperties') as undefined))
    refuseKeyword(`${path}/additionalProperties`, 'only false: a field without a column would be dropped');
  const required = new Set(readNames(schema, 'required', path));
  for (const name of required) {
    if (!Object.hasOwn(properties, name) || properties[name] === false)
      refuseKeyword(`${path}/required`, `${JSON.stringify(name)} is no property`);
  }
  // A property that is `false` may not be there, as if it were not declared.
  const names = orderOf(properties, schema, path).filter((name) => properties[name] !== false);
  reading.fields += names.length;
  if (reading.fields > FIELDS_MAX) refuseSize(`${path}/properties`, `more than ${FIELDS_MAX} fields`);
  return names.map((name) => {
    const inner = below(place, `properties/${escapePointer(name)}`);
    return readField(reading, name, properties[name], required.has(name), inner);
  });
}

function readField(
  reading: Reading,
  name: string,
  property: unknown,
  isRequired: boolean,
  place: Place,
): Field {
  const { type, metadata, takesNull } = readValue(reading, property, place);
  // Records without their key would all be one record, so a key is never optional.
  const isOptional = !isRequired && metadata.get('key') !== 'true';
  if (isOptional) metadata.set('optional', 'true');
  // The column needs null for absence; an explicit one is still refused.
  if (isOptional && !takesNull) metadata.set('nullable', 'false');
  return new Field(name, type, takesNull || !isRequired, metadata);
}

/** The one number of items that a list may have; undefined = any. */
function readSize(schema: JsonObject, path: string): number | undefined {
  const [min, max] = [keywordOf(schema, 'minItems') ?? 0, keywordOf(schema, 'maxItems')];
  if (min === 0 && max === undefined) return undefined;
  if (typeof max === 'number' && min === max && Number.isInteger(max) && max > 0 && max < 2 ** 31) return max;
  const keyword = Object.hasOwn(schema, 'minItems') && min !== 0 ? 'minItems' : 'maxItems';
  return refuseKeyword(`${path}/${keyword}`, 'only one number for minItems and maxItems, from 1');
}

function readItems(reading: Reading, schema: JsonObject, place: Place): List | FixedSizeList {
  if (![undefined, false].includes(keywordOf(schema, 'uniqueItems') as undefined))
    refuseKeyword(`${place.path}/uniqueItems`, 'only false');
  const name = keywordOf(schema, 'x-item') ?? 'item';
  if (typeof name !== 'string') return refuseKeyword(`${place.path}/x-item`, 'expected text');
  const inner = below(place, 'items');
  reading.fields += 1;
  const found = readValue(reading, keywordOf(schema, 'items'), inner);
  const item = new Field(name, found.type, found.takesNull, found.metadata);
  const size = readSize(schema, place.path);
  return size === undefined ? new List(item) : new FixedSizeList(size, item);
}

function readValue(reading: Reading, property: unknown, outer: Place): Value {
  const { schema, place, orNull } = resolveSchema(reading, property, outer);
  const taken = readTaken(schema, place.path);
  const kind = columnKindOf(schema, taken);
  refuseUnknown(schema, KEYWORDS_OF[kind], place.path, `type ${wordsOf(taken)}`);
  const { type, metadata } = readColumn(reading, schema, kind, taken, place);
  const all = new Map([...readRules(schema, place.path), ...Object.entries(metadata)]);
  addLiteral(all, schema, place.path);
  return { type, metadata: all, takesNull: taken.takesNull || orNull };
}

function readColumn(
  reading: Reading,
  schema: JsonObject,
  kind: ColumnKind,
  taken: Taken,
  place: Place,
): ColumnType {
  if (kind === 'struct') return { type: new Struct(readFields(reading, schema, place)), metadata: {} };
  if (kind === 'list') return { type: readItems(reading, schema, place), metadata: {} };
  return readColumnType(schema, kind, taken, place.path);
}

function wordsOf({ kinds }: Taken): string {
  return kinds.map((kind) => JSON.stringify(kind)).join(' or ');
}

function checkDraft(document: JsonObject): void {
  const draft = keywordOf(document, '$schema');
  if (draft === undefined || (typeof draft === 'string' && DRAFTS.test(draft))) return;
  refuseKeyword('#/$schema', `${showKeyword(draft)} is not supported; draft 2020-12 is`);
}

/**
 * One object with properties: `integer` (the narrowest column that holds the bounds, else 64 bits), `number`,
 * `boolean`, `string` (format date, date-time; contentEncoding base64; minLength, maxLength; `enum` and `const` as a
 * dictionary), `object` with properties (a struct), `array` with items (a list; of fixed size with equal minItems and maxItems); objects and arrays without, unions of
 * types and `true` as JSON text; `$ref` within the document, `anyOf` or `oneOf` of something and null; default. Of its
 * own it knows `x-type`, `x-aliases`, `x-key`, `x-essential`, `x-precision`, `x-format`, `x-epoch`, `x-text`,
 * `x-leading-zeros`, `x-null-words`, `x-tolerance`, `x-on-unknown`, `x-json`, `x-item`, `x-order` and `x-metadata`.
 *
 * A field may be absent when it is not required and no key, and null when its type says so. Where the strict check
 * differs from other validators:
 * - where properties are declared, a field that is not is a mismatch: `additionalProperties` is false when absent;
 * - `format` and `contentEncoding` are asserted; a `date-time` is written with T and Z, is exact in microseconds and no
 *   leap second;
 * - a number must fit its column: 64 bits for integers, and what a double can hold;
 * - text with lone surrogates is not taken.
 *
 * @throws SchemaError SCHEMA_UNSUPPORTED naming the place of what cannot be enforced; SCHEMA_TOO_LARGE beyond 32
 *   levels or 100,000 fields
 */
export function fromJsonSchema(document: unknown): Schema {
  if (!isJsonObject(document)) return refuseKeyword('#', `expected an object, found ${showKeyword(document)}`);
  checkDraft(document);
  const reading: Reading = { root: document, fields: 0 };
  const { $schema, $id, ...said } = document;
  const { schema, place } = resolveSchema(reading, Object.hasOwn(document, '$ref') ? said : document, {
    path: '#',
    depth: 0,
    through: [],
  });
  refuseUnknown(schema, ROOT_KEYWORDS, place.path, 'a whole record');
  const type = keywordOf(schema, 'type');
  if (type !== 'object' && !(Array.isArray(type) && type.length === 1 && type[0] === 'object'))
    refuseKeyword(`${place.path}/type`, `expected "object", found ${showKeyword(type)}`);
  if (!Object.hasOwn(schema, 'properties')) refuseKeyword(`${place.path}/properties`, 'expected an object');
  return new Schema(readFields(reading, schema, place), readRootRules(schema, place.path));
}
