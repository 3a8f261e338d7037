/**
 * A schema inside a document: references followed, `anyOf` with null taken apart.
 *
 * J1 a reference is followed only within the document and never to where it came from; J2 no more than `DEPTH_MAX`
 * levels and `FIELDS_MAX` fields are read, references included, so that no document takes unbounded time.
 */
import {
  isJsonObject,
  type JsonObject,
  keywordOf,
  refuseKeyword,
  refuseSize,
  showKeyword,
} from './json-object.ts';
import { ANNOTATIONS, BESIDE_REFERENCE, refuseUnknown } from './keywords.ts';

/** Levels of nesting, the root being none. */
export const DEPTH_MAX = 32;
/** Fields of all levels together. */
export const FIELDS_MAX = 100_000;

/** One document while it is read. */
export interface Reading {
  readonly root: JsonObject;
  /** So far, of all levels. */
  fields: number;
}

/** Where in the document a schema stands, and how it was reached. */
export interface Place {
  /** JSON pointer: `#/properties/a`. */
  readonly path: string;
  readonly depth: number;
  /** Pointers that are being followed. */
  readonly through: readonly string[];
}

/** What a schema says, with nothing left to look up. */
export interface Subschema {
  readonly schema: JsonObject;
  readonly place: Place;
  /** Whether an `anyOf` around it takes null as well. */
  readonly orNull: boolean;
}

/** One level down. @throws SchemaError SCHEMA_TOO_LARGE */
export function below(place: Place, steps: string): Place {
  const path = `${place.path}/${steps}`;
  if (place.depth >= DEPTH_MAX) refuseSize(path, `nested deeper than ${DEPTH_MAX} levels`);
  return { ...place, path, depth: place.depth + 1 };
}

function decodeStep(step: string): string | undefined {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return undefined;
  }
}

function lookUp(root: JsonObject, pointer: string, path: string): JsonObject | boolean {
  let at: unknown = root;
  for (const step of pointer.split('/').slice(1)) {
    const name = decodeStep(step);
    at = isJsonObject(at) && name !== undefined ? keywordOf(at, name) : undefined;
    // An `$id` on the way would make it another document, with places of its own.
    if (isJsonObject(at) && typeof keywordOf(at, '$id') === 'string')
      refuseKeyword(path, 'leads into a schema with an $id');
  }
  if (isJsonObject(at) || typeof at === 'boolean') return at;
  return refuseKeyword(path, `${showKeyword(pointer)} is no schema of this document`);
}

/** The siblings of `keyword` over the schema it leads to; only those that do not judge values. */
function beside(schema: JsonObject, keyword: string, place: Place): JsonObject {
  const known = new Set([...BESIDE_REFERENCE, keyword]);
  refuseUnknown(schema, known, place.path, `what is beside ${keyword}`);
  return Object.fromEntries(
    Object.entries(schema).filter(([name]) => name !== keyword && !ANNOTATIONS.includes(name)),
  );
}

function followReference(reading: Reading, schema: JsonObject, place: Place): Subschema {
  const path = `${place.path}/$ref`;
  const target = keywordOf(schema, '$ref');
  if (typeof target !== 'string' || !/^#(?:\/|$)/.test(target))
    return refuseKeyword(path, `${showKeyword(target)} is no place of this document, such as "#/$defs/name"`);
  if (place.through.includes(target)) return refuseKeyword(path, `${showKeyword(target)} refers to itself`);
  if (target === '#') return refuseKeyword(path, 'a record inside a record of its own kind is not supported');
  if (place.through.length >= DEPTH_MAX) return refuseSize(path, `more than ${DEPTH_MAX} references in a row`);
  const found = resolveSchema(reading, lookUp(reading.root, target.slice(1), path), {
    path: target,
    depth: place.depth,
    through: [...place.through, target],
  });
  return { ...found, schema: { ...found.schema, ...beside(schema, '$ref', place) } };
}

function isNullSchema(schema: unknown): boolean {
  if (!isJsonObject(schema)) return false;
  const judging = Object.keys(schema).filter((keyword) => !ANNOTATIONS.includes(keyword));
  return (
    judging.length === 1 &&
    (schema['type'] === 'null' || (Object.hasOwn(schema, 'const') && schema['const'] === null))
  );
}

function takeNullApart(
  reading: Reading,
  schema: JsonObject,
  keyword: 'anyOf' | 'oneOf',
  place: Place,
): Subschema {
  const path = `${place.path}/${keyword}`;
  const branches = keywordOf(schema, keyword);
  if (!Array.isArray(branches) || branches.length !== 2)
    return refuseKeyword(path, 'only a schema and { "type": "null" }');
  const other = branches.findIndex((branch) => !isNullSchema(branch));
  if (other < 0 || !isNullSchema(branches[1 - other]))
    return refuseKeyword(path, 'only a schema and { "type": "null" }');
  const found = resolveSchema(reading, branches[other], { ...place, path: `${path}/${other}` });
  if (keyword === 'oneOf' && (found.orNull || admitsNull(found.schema)))
    return refuseKeyword(path, 'both take null, so that null is never valid');
  return { ...found, schema: { ...found.schema, ...beside(schema, keyword, place) }, orNull: true };
}

function admitsNull(schema: JsonObject): boolean {
  const type = keywordOf(schema, 'type');
  return Array.isArray(type) ? type.includes('null') : type === undefined;
}

/**
 * The schema that stands at a place, or what it refers to.
 * @throws SchemaError SCHEMA_UNSUPPORTED or SCHEMA_TOO_LARGE, naming the place
 */
export function resolveSchema(reading: Reading, schema: unknown, place: Place): Subschema {
  if (schema === true) return { schema: {}, place, orNull: false };
  if (!isJsonObject(schema))
    return refuseKeyword(place.path, `expected an object, found ${showKeyword(schema)}`);
  if (Object.hasOwn(schema, '$ref')) return followReference(reading, schema, place);
  if (Object.hasOwn(schema, 'anyOf')) return takeNullApart(reading, schema, 'anyOf', place);
  if (Object.hasOwn(schema, 'oneOf')) return takeNullApart(reading, schema, 'oneOf', place);
  return { schema, place, orNull: false };
}
