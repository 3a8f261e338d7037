/** Columns of JSON text that take only some kinds of JSON values: metadata `jsonTypes`, such as `["object"]`. */
import { SchemaError } from '../core/errors.ts';
import type { Field } from './arrow.ts';
import { parseJsonText, toJsonText } from './json-text.ts';
import { type Dialect, type Reader, WRONG_FORMAT, WRONG_TYPE } from './reader.ts';
import { jsonInText } from './rules/json-from-text.ts';

/** What a JSON value that is not null can be, in the words of JSON Schema, in the order that metadata lists them. */
export const JSON_KINDS = ['object', 'array', 'string', 'number', 'integer', 'boolean'] as const;
export type JsonKind = (typeof JSON_KINDS)[number];

function isKind(word: unknown): word is JsonKind {
  return JSON_KINDS.some((kind) => kind === word);
}

function parseKinds(text: string): readonly JsonKind[] | undefined {
  try {
    const kinds: unknown = JSON.parse(text);
    return Array.isArray(kinds) && kinds.length > 0 && kinds.every(isKind) ? kinds : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The kinds that a column of JSON text takes; undefined = any, without metadata `jsonTypes`.
 * @throws SchemaError SCHEMA_METADATA naming the field
 */
export function jsonKindsOf(field: Field): readonly JsonKind[] | undefined {
  const text = field.metadata.get('jsonTypes');
  if (text === undefined) return undefined;
  const kinds = parseKinds(text);
  if (kinds) return kinds;
  throw new SchemaError(
    'SCHEMA_METADATA',
    `field ${JSON.stringify(field.name)}: jsonTypes is ${JSON.stringify(text)}, expected a JSON array of ${JSON_KINDS.join(', ')}`,
    { hint: 'Correct the metadata jsonTypes of that field.' },
  );
}

function kindOf(value: unknown): JsonKind | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return typeof value as 'string' | 'boolean';
  if (typeof value === 'bigint') return 'integer';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
  return Array.isArray(value) ? 'array' : 'object';
}

/** The cell is the JSON text of the value; a string is quoted, so that `"5"` and `5` stay two things. */
export function jsonValueReader(kinds: readonly JsonKind[]): Reader {
  const allowed: ReadonlySet<JsonKind | undefined> = new Set<JsonKind>(
    kinds.includes('number') ? [...kinds, 'integer'] : kinds,
  );
  const isJsonOf = (text: string) => text.isWellFormed() && allowed.has(kindOf(parseJsonText(text)));
  return {
    type: 'json',
    read(value: unknown, dialect: Dialect) {
      // A cell of csv is JSON text where it can be, for nothing else could stand for an object there.
      if (dialect === 'text' && typeof value === 'string' && isJsonOf(value)) return value;
      if (!allowed.has(kindOf(value))) return WRONG_TYPE;
      return toJsonText(value) ?? WRONG_FORMAT;
    },
    convert(value) {
      if (typeof value !== 'string' || !isJsonOf(value)) return undefined;
      return jsonInText(value, value);
    },
  };
}
