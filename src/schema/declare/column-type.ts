/** The Arrow type and metadata that one schema of a value means; records and lists are read by who calls. */
import { DataType } from '../arrow.ts';
import { JSON_KINDS, type JsonKind } from '../json-value-reader.ts';
import { BOUND_KEYWORDS, type Bounds, integerName, narrowBounds, readBounds } from './bounds.ts';
import { type JsonObject, keywordOf, refuseKeyword, showKeyword } from './json-object.ts';
import type { ColumnKind } from './keywords.ts';
import { typeOfName } from './type-names.ts';

/** A column but for its name, nullability and the rules that any field may have. */
export interface ColumnType {
  readonly type: DataType;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What `type`, `enum` and `const` leave: kinds of values in the order of `JSON_KINDS`, and whether null is one. */
export interface Taken {
  readonly kinds: readonly JsonKind[];
  readonly takesNull: boolean;
  /** The only texts, when they are listed. */
  readonly words: readonly string[] | undefined;
}

function readTypes(schema: JsonObject, path: string): readonly string[] | undefined {
  const type = keywordOf(schema, 'type');
  if (type === undefined) return undefined;
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  const stranger = types.find((each) => each !== 'null' && !JSON_KINDS.some((kind) => kind === each));
  if (types.length === 0 || stranger !== undefined)
    return refuseKeyword(`${path}/type`, `${showKeyword(stranger ?? type)} is no type`);
  return types.map(String);
}

/** The values that `enum` or `const` list; a number as `const` is a range of one and read with the bounds. */
function readListed(schema: JsonObject, path: string): readonly unknown[] | undefined {
  const listed = keywordOf(schema, 'enum');
  const only = keywordOf(schema, 'const');
  if (listed !== undefined && !Array.isArray(listed)) return refuseKeyword(`${path}/enum`, 'expected an array');
  const odd = listed?.find((value) => typeof value !== 'string' && value !== null);
  if (odd !== undefined || listed?.length === 0)
    return refuseKeyword(
      `${path}/enum`,
      `only texts and null, found ${listed?.length === 0 ? 'nothing' : showKeyword(odd)}`,
    );
  if (only === undefined || typeof only === 'number') return listed;
  if (typeof only !== 'string' && only !== null)
    return refuseKeyword(`${path}/const`, `only a text, a number or null, found ${showKeyword(only)}`);
  return listed ? listed.filter((value) => value === only) : [only];
}

/** Types of a schema that names none: those of its listed values, or any when it says nothing at all. */
function impliedTypes(
  schema: JsonObject,
  listed: readonly unknown[] | undefined,
  path: string,
): readonly string[] {
  if (listed) return ['string', 'null'];
  const only = keywordOf(schema, 'const');
  if (typeof only === 'number') return [Number.isInteger(only) ? 'integer' : 'number'];
  const judging = [
    'properties',
    'required',
    'items',
    'format',
    'multipleOf',
    'minLength',
    'maxLength',
    ...BOUND_KEYWORDS,
  ];
  if (judging.some((keyword) => Object.hasOwn(schema, keyword)) || Object.hasOwn(schema, 'x-type'))
    return refuseKeyword(`${path}/type`, 'is missing; without it other types of values would be valid as well');
  return [...JSON_KINDS, 'null'];
}

/** @throws SchemaError SCHEMA_UNSUPPORTED naming the keyword */
export function readTaken(schema: JsonObject, path: string): Taken {
  const listed = readListed(schema, path);
  const types = readTypes(schema, path) ?? impliedTypes(schema, listed, path);
  const kinds = JSON_KINDS.filter(
    (kind) => types.includes(kind) && !(kind === 'integer' && types.includes('number')),
  );
  if (kinds.length === 0) return refuseKeyword(`${path}/type`, 'null alone is no column');
  const isNumberOnly = typeof keywordOf(schema, 'const') === 'number';
  if (isNumberOnly && !kinds.includes('integer') && !kinds.includes('number'))
    return refuseKeyword(`${path}/const`, `a number is no ${kinds.join(' or ')}`);
  const takesNull = types.includes('null') && (listed?.includes(null) ?? !isNumberOnly);
  const words = listed?.filter((value) => typeof value === 'string');
  if (words?.length === 0)
    return refuseKeyword(`${path}/${Object.hasOwn(schema, 'enum') ? 'enum' : 'const'}`, 'leaves no text');
  return { kinds, takesNull, words: words && [...new Set(words)] };
}

const TYPES_OF: Readonly<Record<'integer' | 'number' | 'boolean' | 'string' | 'json', RegExp>> = {
  integer: /^u?int\d/,
  number: /^(?:float|decimal)/,
  boolean: /^bool$/,
  string: /^(?:large-)?(?:utf8|binary)$|^(?:dictionary|date|timestamp|decimal)/,
  json: /^(?:large-)?utf8$|^dictionary/,
};

/** `x-type` where there is one, if its column can hold what `type` promises. */
function pickType(schema: JsonObject, kind: keyof typeof TYPES_OF, plain: string, path: string) {
  const declared = keywordOf(schema, 'x-type');
  const name = declared === undefined ? plain : String(declared);
  const type = typeOfName(name);
  if (!type) return refuseKeyword(`${path}/x-type`, `type ${showKeyword(declared)} is not known`);
  if (!TYPES_OF[kind].test(name))
    return refuseKeyword(
      `${path}/x-type`,
      `${showKeyword(declared)} holds no ${kind === 'json' ? 'JSON text' : kind}`,
    );
  return { name, type };
}

function boundsMetadata({ minimum, maximum }: Bounds): Readonly<Record<string, string>> {
  return {
    ...(minimum === undefined ? {} : { minimum: String(minimum) }),
    ...(maximum === undefined ? {} : { maximum: String(maximum) }),
  };
}

function isWhole(schema: JsonObject, kind: 'integer' | 'number', path: string): boolean {
  const multiple = keywordOf(schema, 'multipleOf');
  if (multiple !== undefined && multiple !== 1) refuseKeyword(`${path}/multipleOf`, 'only 1 is supported');
  return kind === 'integer' || multiple === 1;
}

function readNumeric(schema: JsonObject, kind: 'integer' | 'number', path: string): ColumnType {
  const whole = isWhole(schema, kind, path);
  const only = keywordOf(schema, 'const');
  if (only !== undefined && typeof only !== 'number') refuseKeyword(`${path}/const`, 'expected a number');
  if (whole && typeof only === 'number' && !Number.isSafeInteger(only))
    refuseKeyword(`${path}/const`, 'expected a whole number within 2^53');
  const given = readBounds(schema, whole, path);
  const bounds =
    typeof only !== 'number'
      ? given
      : { minimum: Math.max(only, given.minimum ?? only), maximum: Math.min(only, given.maximum ?? only) };
  const { name, type } = pickType(
    schema,
    whole ? 'integer' : 'number',
    whole ? integerName(bounds) : 'float64',
    path,
  );
  const left = narrowBounds(name, bounds);
  return { type, metadata: boundsMetadata(left) };
}

function stringName(schema: JsonObject, words: readonly string[] | undefined, path: string): string {
  const encoding = keywordOf(schema, 'contentEncoding');
  const format = keywordOf(schema, 'format');
  if (encoding !== undefined && encoding !== 'base64')
    refuseKeyword(`${path}/contentEncoding`, 'only base64 is supported');
  if (format !== undefined && format !== 'date' && format !== 'date-time')
    refuseKeyword(`${path}/format`, `format ${showKeyword(format)} is not supported`);
  if (encoding !== undefined && format !== undefined) refuseKeyword(`${path}/format`, 'bytes have no format');
  if (encoding !== undefined) return 'binary';
  if (format === 'date') return 'date';
  // RFC 3339 demands an offset, which is what a zone on the column demands as well.
  if (format === 'date-time') return 'timestamp(us,UTC)';
  return words ? 'dictionary' : 'utf8';
}

function isText(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isDictionary(type);
}

function readString(schema: JsonObject, { words }: Taken, path: string): ColumnType {
  const { type } = pickType(schema, 'string', stringName(schema, words, path), path);
  const limit = ['enum', 'const', 'minLength', 'maxLength'].find((keyword) => Object.hasOwn(schema, keyword));
  if (limit !== undefined && !isText(type))
    refuseKeyword(`${path}/${limit}`, 'says nothing about a column that holds no text');
  return { type, metadata: words ? { enum: JSON.stringify(words) } : {} };
}

function readJson(schema: JsonObject, { kinds }: Taken, path: string): ColumnType {
  const additional = keywordOf(schema, 'additionalProperties');
  if (additional !== undefined && additional !== true)
    refuseKeyword(`${path}/additionalProperties`, 'only true where no properties are declared');
  const items = keywordOf(schema, 'items');
  if (items !== undefined && items !== true) refuseKeyword(`${path}/items`, 'only beside "type": "array"');
  if (![undefined, false].includes(keywordOf(schema, 'uniqueItems') as undefined))
    refuseKeyword(`${path}/uniqueItems`, 'only false');
  const { type } = pickType(schema, 'json', 'utf8', path);
  if (keywordOf(schema, 'x-json') === true) return { type, metadata: { json: 'true' } };
  return { type, metadata: { json: 'true', jsonTypes: JSON.stringify(kinds) } };
}

/** The kind of column for the kinds of values that a schema takes. */
export function columnKindOf(schema: JsonObject, { kinds }: Taken): ColumnKind {
  const [kind, another] = kinds;
  const isJson = keywordOf(schema, 'x-json') !== undefined;
  if (kind === undefined || another !== undefined || isJson) return 'json';
  const isClosed = Object.hasOwn(schema, 'properties') || keywordOf(schema, 'additionalProperties') === false;
  if (kind === 'object') return isClosed ? 'struct' : 'json';
  if (kind === 'array') return (keywordOf(schema, 'items') ?? true) === true ? 'json' : 'list';
  return kind;
}

/** @throws SchemaError SCHEMA_UNSUPPORTED naming the keyword */
export function readColumnType(
  schema: JsonObject,
  kind: Exclude<ColumnKind, 'struct' | 'list'>,
  taken: Taken,
  path: string,
): ColumnType {
  if (kind === 'json') return readJson(schema, taken, path);
  if (kind === 'string') return readString(schema, taken, path);
  if (kind === 'boolean') return { type: pickType(schema, 'boolean', 'bool', path).type, metadata: {} };
  return readNumeric(schema, kind, path);
}
