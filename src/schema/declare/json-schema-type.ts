/** The Arrow type that one property of a JSON Schema means. */
import { SchemaError } from '../../core/errors.ts';
import type { DataType } from '../arrow.ts';
import { typeOfName } from './type-names.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws SchemaError SCHEMA_UNSUPPORTED naming the place in the document */
export function refuseKeyword(path: string, words: string): never {
  throw new SchemaError('SCHEMA_UNSUPPORTED', `${path}: ${words}`, {
    hint: 'What cannot be enforced is refused rather than ignored: remove it, or declare the field in another way.',
  });
}

export interface Bounds {
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

/** Widths in the order they are tried, with the range that each holds. */
const WIDTHS: readonly (readonly [name: string, min: number, max: number])[] = [
  ['uint8', 0, 2 ** 8 - 1],
  ['int8', -(2 ** 7), 2 ** 7 - 1],
  ['uint16', 0, 2 ** 16 - 1],
  ['int16', -(2 ** 15), 2 ** 15 - 1],
  ['uint32', 0, 2 ** 32 - 1],
  ['int32', -(2 ** 31), 2 ** 31 - 1],
];

/** The narrowest integer that holds the declared range; 64 bits when a bound is open. */
function integerName({ minimum, maximum }: Bounds): string {
  if (minimum !== undefined && maximum !== undefined) {
    const fitting = WIDTHS.find(([, min, max]) => minimum >= min && maximum <= max);
    if (fitting) return fitting[0];
  }
  // JSON.parse gives the largest int64 as 2^63, so only a bound clearly above it asks for an unsigned column.
  const isUnsigned = minimum !== undefined && minimum >= 0 && (maximum === undefined || maximum > 2 ** 63);
  return isUnsigned ? 'uint64' : 'int64';
}

/** The bounds that the type itself does not already set. */
export function narrowBounds(name: string, { minimum, maximum }: Bounds): Bounds {
  const known = WIDTHS.find(([width]) => width === name);
  const low = known?.[1] ?? (name === 'uint64' ? 0 : name === 'int64' ? -(2 ** 63) : Number.NEGATIVE_INFINITY);
  const high =
    known?.[2] ?? (name === 'uint64' ? 2 ** 64 : name === 'int64' ? 2 ** 63 : Number.POSITIVE_INFINITY);
  return {
    minimum: minimum !== undefined && minimum > low ? minimum : undefined,
    maximum: maximum !== undefined && maximum < high ? maximum : undefined,
  };
}

function stringName(property: JsonObject, path: string): string {
  const { format, contentEncoding } = property;
  if (contentEncoding !== undefined) {
    return contentEncoding === 'base64'
      ? 'binary'
      : refuseKeyword(`${path}/contentEncoding`, 'only base64 is supported');
  }
  if (format === undefined) return 'utf8';
  if (format === 'date') return 'date';
  // RFC 3339 demands an offset, which is what a zone on the column demands as well.
  if (format === 'date-time') return 'timestamp(us,UTC)';
  return refuseKeyword(`${path}/format`, `format ${JSON.stringify(format)} is not supported`);
}

/** Name of the Arrow type by the JSON type (without null). `json` is text that holds JSON. */
function plainName(types: readonly unknown[], property: JsonObject, bounds: Bounds, path: string): string {
  const [type] = types;
  if (types.length > 0 && types.every((each) => each === 'object' || each === 'array')) return 'json';
  if (types.length > 1) refuseKeyword(`${path}/type`, 'several types are not supported, beside "null"');
  if (type === 'integer') return integerName(bounds);
  if (type === 'number') return 'float64';
  if (type === 'boolean') return 'bool';
  if (type === 'string') return stringName(property, path);
  return refuseKeyword(`${path}/type`, `type ${JSON.stringify(type ?? null)} is not supported`);
}

export interface PropertyType {
  readonly type: DataType;
  readonly name: string;
  readonly isJson: boolean;
}

export function typeOfProperty(
  types: readonly unknown[],
  property: JsonObject,
  bounds: Bounds,
  path: string,
): PropertyType {
  const plain = plainName(types, property, bounds, path);
  const declared = property['x-type'];
  const name = declared === undefined ? (plain === 'json' ? 'utf8' : plain) : String(declared);
  const type =
    typeOfName(name) ?? refuseKeyword(`${path}/x-type`, `type ${JSON.stringify(declared)} is not known`);
  return { type, name, isJson: plain === 'json' };
}
