/** JSON Schema (a subset of draft 2020-12) to an Arrow schema. */
import { Field, Schema } from '../arrow.ts';
import {
  type Bounds,
  isJsonObject,
  type JsonObject,
  narrowBounds,
  refuseKeyword,
  typeOfProperty,
} from './json-schema-type.ts';

/** Say nothing about values. */
const ANNOTATIONS = ['title', 'description', '$comment', 'examples', 'deprecated'];
const ROOT_KEYWORDS = new Set([
  '$schema',
  '$id',
  'type',
  'properties',
  'required',
  'additionalProperties',
  ...ANNOTATIONS,
]);
const PROPERTY_KEYWORDS = new Set([
  'type',
  'format',
  'contentEncoding',
  'minimum',
  'maximum',
  'x-type',
  'x-aliases',
  'x-key',
  'x-essential',
  'x-precision',
  'x-format',
  ...ANNOTATIONS,
]);

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function refuseUnknown(object: JsonObject, known: ReadonlySet<string>, path: string): void {
  for (const keyword of Object.keys(object)) {
    if (!known.has(keyword))
      refuseKeyword(`${path}/${escapePointer(keyword)}`, 'this keyword is not supported');
  }
}

function readBound(property: JsonObject, key: 'minimum' | 'maximum', path: string): number | undefined {
  const bound = property[key];
  if (bound === undefined || typeof bound === 'number') return bound;
  return refuseKeyword(`${path}/${key}`, 'expected a number');
}

function readFlag(property: JsonObject, key: string, path: string): boolean | undefined {
  const flag = property[key];
  return flag === undefined || typeof flag === 'boolean'
    ? flag
    : refuseKeyword(`${path}/${key}`, 'expected true or false');
}

function readPrecision(property: JsonObject, path: string): string | undefined {
  const precision = property['x-precision'];
  if (precision === undefined) return undefined;
  if (typeof precision === 'number' || typeof precision === 'string') return String(precision);
  return refuseKeyword(`${path}/x-precision`, 'expected a number, or text such as "1e-6r"');
}

function readMetadata(property: JsonObject, bounds: Bounds, path: string): Map<string, string> {
  const metadata = new Map<string, string>();
  const put = (key: string, value: string | undefined) => {
    if (value !== undefined) metadata.set(key, value);
  };
  const aliases = property['x-aliases'];
  const format = property['x-format'];
  if (format !== undefined && typeof format !== 'string') refuseKeyword(`${path}/x-format`, 'expected text');
  put('key', readFlag(property, 'x-key', path) ? 'true' : undefined);
  put('essential', readFlag(property, 'x-essential', path) === false ? 'false' : undefined);
  put('aliases', aliases === undefined ? undefined : JSON.stringify(aliases));
  put('precision', readPrecision(property, path));
  put('format', format === undefined ? undefined : String(format));
  put('minimum', bounds.minimum?.toString());
  put('maximum', bounds.maximum?.toString());
  return metadata;
}

function readProperty(name: string, property: unknown, isRequired: boolean): Field {
  const path = `#/properties/${escapePointer(name)}`;
  if (!isJsonObject(property)) return refuseKeyword(path, 'expected an object');
  refuseUnknown(property, PROPERTY_KEYWORDS, path);
  const declared = Array.isArray(property['type']) ? property['type'] : [property['type']];
  const types = declared.filter((type) => type !== 'null');
  const bounds = {
    minimum: readBound(property, 'minimum', path),
    maximum: readBound(property, 'maximum', path),
  };
  const { type, name: typeName, isJson } = typeOfProperty(types, property, bounds, path);
  const metadata = readMetadata(property, narrowBounds(typeName, bounds), path);
  if (isJson) metadata.set('json', 'true');
  // Records without their key would all be one record, so a key is never optional.
  if (!isRequired && metadata.get('key') !== 'true') metadata.set('optional', 'true');
  return new Field(name, type, types.length < declared.length || !isRequired, metadata);
}

/**
 * One object with properties: `integer` (the narrowest column that holds minimum and maximum, else 64 bits),
 * `number`, `boolean`, `string` (format date, date-time; contentEncoding base64), `object` and `array` (kept as JSON
 * text); `x-type`, `x-aliases`, `x-key`, `x-essential`, `x-precision`, `x-format`. A field is nullable when its type
 * includes null or it is not required, and optional (may be absent, which is null) when it is not required and no key.
 * @throws SchemaError SCHEMA_UNSUPPORTED naming the place of what cannot be enforced
 */
export function fromJsonSchema(document: unknown): Schema {
  if (!isJsonObject(document)) return refuseKeyword('#', 'expected an object');
  refuseUnknown(document, ROOT_KEYWORDS, '#');
  const { type, properties, required = [], additionalProperties = false } = document;
  if (type !== 'object') refuseKeyword('#/type', `expected "object", found ${JSON.stringify(type ?? null)}`);
  if (!isJsonObject(properties)) return refuseKeyword('#/properties', 'expected an object');
  if (additionalProperties !== false)
    refuseKeyword('#/additionalProperties', 'only false: an unknown field is a mismatch');
  if (!Array.isArray(required)) return refuseKeyword('#/required', 'expected an array of names');
  const absent = required.find((name) => typeof name !== 'string' || !Object.hasOwn(properties, name));
  if (absent !== undefined) refuseKeyword('#/required', `${JSON.stringify(absent)} is no property`);
  return new Schema(
    Object.entries(properties).map(([name, property]) => readProperty(name, property, required.includes(name))),
  );
}
