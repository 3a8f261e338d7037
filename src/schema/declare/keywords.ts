/** Which keywords of JSON Schema a place in a document may use; every other one is refused by name. */
import { BOUND_KEYWORDS } from './bounds.ts';
import { LENGTH_KEYWORDS, METADATA_KEYWORD, RULE_KEYWORDS } from './field-metadata.ts';
import { escapePointer, type JsonObject, refuseKeyword } from './json-object.ts';

/** Say nothing about values. */
export const ANNOTATIONS = [
  'title',
  'description',
  '$comment',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
];
/** Places to refer to; what nothing refers to says nothing. */
const DEFINITIONS = ['$defs', 'definitions'];
/** May stand beside a `$ref`, and beside `anyOf` of something and null. */
export const BESIDE_REFERENCE: ReadonlySet<string> = new Set([
  ...ANNOTATIONS,
  ...DEFINITIONS,
  ...RULE_KEYWORDS,
  METADATA_KEYWORD,
  'x-json',
]);

const EVERYWHERE = [...BESIDE_REFERENCE, 'type', 'x-type'];

/** By the kind of column that a schema turns out to mean. */
export const KEYWORDS_OF = {
  struct: new Set([...EVERYWHERE, 'properties', 'required', 'additionalProperties', 'x-order']),
  list: new Set([...EVERYWHERE, 'items', 'minItems', 'maxItems', 'uniqueItems', 'x-item']),
  json: new Set([...EVERYWHERE, 'additionalProperties', 'items', 'uniqueItems']),
  integer: new Set([...EVERYWHERE, ...BOUND_KEYWORDS, 'multipleOf', 'const']),
  number: new Set([...EVERYWHERE, ...BOUND_KEYWORDS, 'multipleOf', 'const']),
  boolean: new Set(EVERYWHERE),
  string: new Set([...EVERYWHERE, ...LENGTH_KEYWORDS, 'format', 'contentEncoding', 'enum', 'const']),
} as const satisfies Readonly<Record<string, ReadonlySet<string>>>;
export type ColumnKind = keyof typeof KEYWORDS_OF;

/** Only at the root of a document. */
export const ROOT_KEYWORDS: ReadonlySet<string> = new Set([
  ...ANNOTATIONS,
  ...DEFINITIONS,
  '$schema',
  '$id',
  'type',
  'properties',
  'required',
  'additionalProperties',
  'x-order',
  'x-on-unknown',
  METADATA_KEYWORD,
]);

const KNOWN: ReadonlySet<string> = new Set(Object.values(KEYWORDS_OF).flatMap((keywords) => [...keywords]));

/** Why keywords that people are used to are not taken. */
const REASONS: Readonly<Record<string, string>> = {
  pattern: 'a regular expression that backtracks can take exponential time on one value',
  patternProperties:
    'a regular expression that backtracks can take exponential time, and a column needs a name',
  allOf: 'schemas are not merged; write the fields out',
  anyOf: 'only a schema and { "type": "null" }',
  oneOf: 'only a schema and { "type": "null" }',
  $dynamicRef: 'only $ref to a place of the same document is followed',
};

/** @throws SchemaError SCHEMA_UNSUPPORTED for the first keyword that is not among `known` */
export function refuseUnknown(
  schema: JsonObject,
  known: ReadonlySet<string>,
  path: string,
  what = 'this place',
): void {
  for (const keyword of Object.keys(schema)) {
    if (known.has(keyword)) continue;
    const reason = Object.hasOwn(REASONS, keyword) ? REASONS[keyword] : undefined;
    refuseKeyword(
      `${path}/${escapePointer(keyword)}`,
      reason ?? (KNOWN.has(keyword) ? `says nothing about ${what}` : 'this keyword is not supported'),
    );
  }
}
