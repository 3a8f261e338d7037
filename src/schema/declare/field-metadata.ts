/** Keywords of a property that become field metadata as they are, both ways. */
import { type JsonObject, keywordOf, refuseKeyword, showKeyword } from './json-object.ts';

interface MetadataKeyword {
  readonly keyword: string;
  readonly key: string;
  /** The metadata that a value of the keyword means; undefined = none. Refuses a value that means nothing. */
  read(value: unknown, path: string): string | undefined;
  /** The value that `read` gives this metadata for, if there is one. */
  spell(text: string): unknown;
}

function flag(keyword: string, key: string, meant: boolean): MetadataKeyword {
  return {
    keyword,
    key,
    read(value, path) {
      if (typeof value !== 'boolean')
        return refuseKeyword(path, `expected true or false, found ${showKeyword(value)}`);
      return value === meant ? String(meant) : undefined;
    },
    spell: (text) => (text === String(meant) ? meant : undefined),
  };
}

function words(keyword: string, key: string, expected: string): MetadataKeyword {
  return {
    keyword,
    key,
    read: (value, path) =>
      typeof value === 'string'
        ? value
        : refuseKeyword(path, `expected ${expected}, found ${showKeyword(value)}`),
    spell: (text) => text,
  };
}

function quantity(keyword: string, key: string, expected: string): MetadataKeyword {
  return {
    keyword,
    key,
    read(value, path) {
      if (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value)))
        return String(value);
      return refuseKeyword(path, `expected ${expected}, found ${showKeyword(value)}`);
    },
    spell: (text) => (String(Number(text)) === text ? Number(text) : text),
  };
}

function length(keyword: 'minLength' | 'maxLength'): MetadataKeyword {
  return {
    keyword,
    key: keyword,
    read: (value, path) =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
        ? String(value)
        : refuseKeyword(path, `expected a whole number of characters, found ${showKeyword(value)}`),
    spell: (text) => Number(text),
  };
}

const ALIASES: MetadataKeyword = {
  keyword: 'x-aliases',
  key: 'aliases',
  read: (value, path) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string')
      ? JSON.stringify(value)
      : refuseKeyword(path, `expected an array of texts, found ${showKeyword(value)}`),
  spell: (text) => JSON.parse(text),
};

const NULL_WORDS: MetadataKeyword = { ...ALIASES, keyword: 'x-null-words', key: 'nullWords' };

const DEFAULT: MetadataKeyword = {
  keyword: 'default',
  key: 'default',
  read(value, path) {
    try {
      const text = JSON.stringify(value);
      if (text !== undefined) return text;
    } catch {
      // Nested too deep, or a bigint: answered below.
    }
    return refuseKeyword(path, 'expected a JSON value');
  },
  spell: (text) => JSON.parse(text),
};

const ON_UNKNOWN = words('x-on-unknown', 'onUnknown', 'a word');

/** Rules that any field may have, whatever its type. */
const RULES: readonly MetadataKeyword[] = [
  ALIASES,
  NULL_WORDS,
  flag('x-key', 'key', true),
  flag('x-essential', 'essential', false),
  quantity('x-precision', 'precision', 'a number, or text such as "1e-6r"'),
  quantity('x-tolerance', 'tolerance', 'a number from 0 to 1'),
  words('x-format', 'format', 'text such as "DD.MM.YYYY"'),
  words('x-epoch', 'epoch', 'a unit of time'),
  words('x-text', 'text', 'text such as "trim,nfc"'),
  flag('x-leading-zeros', 'leadingZeros', true),
  ON_UNKNOWN,
  DEFAULT,
];

/** Rules of text alone. */
const LENGTHS: readonly MetadataKeyword[] = [length('minLength'), length('maxLength')];

export const RULE_KEYWORDS: readonly string[] = RULES.map(({ keyword }) => keyword);
export const LENGTH_KEYWORDS: readonly string[] = LENGTHS.map(({ keyword }) => keyword);
/** Holds whatever metadata no keyword spells. */
export const METADATA_KEYWORD = 'x-metadata';

function readLiteral(schema: JsonObject, path: string): readonly (readonly [string, string])[] {
  const literal = keywordOf(schema, METADATA_KEYWORD);
  if (literal === undefined) return [];
  const entries = isTextMap(literal) ? Object.entries(literal) : undefined;
  return entries ?? refuseKeyword(`${path}/${METADATA_KEYWORD}`, 'expected an object of texts');
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}

function readKeywords(
  table: readonly MetadataKeyword[],
  schema: JsonObject,
  path: string,
): Map<string, string> {
  const metadata = new Map<string, string>();
  for (const { keyword, key, read } of table) {
    const value = keywordOf(schema, keyword);
    const text = value === undefined ? undefined : read(value, `${path}/${keyword}`);
    if (text !== undefined) metadata.set(key, text);
  }
  return metadata;
}

/** The metadata that the rules of a property mean. @throws SchemaError SCHEMA_UNSUPPORTED naming the keyword */
export function readRules(schema: JsonObject, path: string): Map<string, string> {
  return readKeywords([...RULES, ...LENGTHS], schema, path);
}

/** Puts the metadata that is spelled out over `metadata`: it wins. */
export function addLiteral(metadata: Map<string, string>, schema: JsonObject, path: string): void {
  for (const [key, text] of readLiteral(schema, path)) metadata.set(key, text);
}

/** The metadata of a whole schema: what becomes of fields that it does not know. */
export function readRootRules(schema: JsonObject, path: string): Map<string, string> {
  const metadata = readKeywords([ON_UNKNOWN], schema, path);
  addLiteral(metadata, schema, path);
  return metadata;
}

function spellOne({ keyword, read, spell }: MetadataKeyword, text: string): unknown {
  try {
    const value = spell(text);
    return value !== undefined && read(value, keyword) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Keywords for metadata: those of a table where they read back as the very same text, the rest literally.
 * @param done keys that are spelled elsewhere
 */
function spellWith(
  table: readonly MetadataKeyword[],
  metadata: ReadonlyMap<string, string>,
  done: ReadonlySet<string>,
): JsonObject {
  const spelled: [string, unknown][] = [];
  const literal: [string, string][] = [];
  for (const [key, text] of metadata) {
    if (done.has(key)) continue;
    const rule = table.find((each) => each.key === key);
    const value = rule && spellOne(rule, text);
    if (rule && value !== undefined) spelled.push([rule.keyword, value]);
    else literal.push([key, text]);
  }
  // From entries, because metadata may be named __proto__.
  if (literal.length > 0) spelled.push([METADATA_KEYWORD, Object.fromEntries(literal)]);
  return Object.fromEntries(spelled);
}

/** Keywords of a property for its metadata. */
export function spellRules(
  metadata: ReadonlyMap<string, string>,
  isText: boolean,
  done: ReadonlySet<string>,
): JsonObject {
  return spellWith(isText ? [...RULES, ...LENGTHS] : RULES, metadata, done);
}

/** Keywords of a document for the metadata of its schema. */
export function spellRootRules(metadata: ReadonlyMap<string, string>): JsonObject {
  return spellWith([ON_UNKNOWN], metadata, new Set());
}
