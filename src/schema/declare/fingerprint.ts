/**
 * The identity of a schema as one short text.
 *
 * G1 equal for schemas that say the same, however they were made: metadata in another order, `[ "a" ]` for `["a"]`,
 * `1.0` for `1`, a rule that is the default anyway. G2 different when a field, its place, type, nullability or rules are:
 * the order of the fields counts, because columns are positional, and whoever keeps something compiled under a
 * fingerprint would take one column for another. G3 a new way of counting is a new prefix, so that fingerprints of two
 * ways never look like two schemas.
 */
import { sha256 } from '../../core/keys.ts';
import { DataType, type Field, type Schema } from '../arrow.ts';
import { refuseSize } from './json-object.ts';
import { DEPTH_MAX } from './subschema.ts';
import { nameOfType } from './type-names.ts';

const VERSION = 'v1';

/** What the absence of a rule means. */
const DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['key', 'false'],
  ['essential', 'true'],
  ['optional', 'false'],
  ['json', 'false'],
  ['leadingZeros', 'false'],
  ['aliases', '[]'],
]);
const JSON_RULES: ReadonlySet<string> = new Set(['aliases', 'enum', 'jsonTypes', 'default']);
const NUMBER_RULES: ReadonlySet<string> = new Set([
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'tolerance',
]);

function normalizeRule(key: string, text: string): string {
  if (NUMBER_RULES.has(key))
    return Number.isFinite(Number(text)) && text.trim() !== '' ? String(Number(text)) : text;
  if (!JSON_RULES.has(key)) return text;
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

function describeRules(metadata: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...metadata]
    .map(([key, text]) => [key, normalizeRule(key, text)] as const)
    .filter(([key, text]) => DEFAULTS.get(key) !== text)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function describeType(type: DataType, depth: number): unknown {
  if (depth > DEPTH_MAX) return refuseSize('the schema', `nested deeper than ${DEPTH_MAX} levels`);
  if (DataType.isStruct(type))
    return ['struct', ...type.children.map((field) => describeField(field, depth + 1))];
  if (DataType.isFixedSizeList(type))
    return ['list', type.listSize, ...type.children.map((field) => describeField(field, depth + 1))];
  if (DataType.isList(type)) return ['list', ...type.children.map((field) => describeField(field, depth + 1))];
  return nameOfType(type) ?? String(type);
}

function describeField(field: Field, depth: number): unknown {
  return [field.name, describeType(field.type, depth), field.nullable, describeRules(field.metadata)];
}

/**
 * `v1:` and 64 hex digits: SHA-256 over names, order, types, nullability and metadata of the fields, and what becomes
 * of unknown ones. Other metadata of the whole schema, which tools leave there, does not count.
 * @throws SchemaError SCHEMA_TOO_LARGE beyond 32 levels
 */
export function fingerprintOf(schema: Schema): string {
  const onUnknown = schema.metadata.get('onUnknown') ?? null;
  const described = [schema.fields.map((field) => describeField(field, 0)), onUnknown];
  return `${VERSION}:${sha256(new TextEncoder().encode(JSON.stringify(described)))}`;
}
