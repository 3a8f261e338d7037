/** The metadata of a field, read strictly: what is written wrongly, or cannot be enforced there, is refused. */
import type { TimeUnit } from '../core/columns.ts';
import { SchemaError } from '../core/errors.ts';
import type { Field } from './arrow.ts';
import { parseJsonText } from './json-text.ts';
import { type Exact, type Precision, parseExact, parsePrecision } from './number-grammar.ts';
import { compileTimeFormat, type TimeFormat } from './time-format.ts';

/** @throws SchemaError SCHEMA_METADATA naming field and key, always */
export function refuseMetadata(field: Field, key: string, found: string, expected: string): never {
  throw new SchemaError(
    'SCHEMA_METADATA',
    `field ${JSON.stringify(field.name)}: ${key} is ${JSON.stringify(found)}, expected ${expected}`,
    { hint: `Correct the metadata ${key} of that field.` },
  );
}

export function readFlag(field: Field, key: string, otherwise: boolean): boolean {
  const text = field.metadata.get(key);
  if (text !== undefined && text !== 'true' && text !== 'false')
    refuseMetadata(field, key, text, '"true" or "false"');
  return text === undefined ? otherwise : text === 'true';
}

/** @throws SchemaError when absence would have no value to stand for it, or would make two records one */
export function readOptional(field: Field): boolean {
  const isOptional = readFlag(field, 'optional', false);
  if (isOptional && !field.nullable)
    refuseMetadata(field, 'optional', 'true', '"false" in a field that is not nullable');
  if (isOptional && readFlag(field, 'key', false))
    refuseMetadata(field, 'optional', 'true', '"false" in a key field');
  return isOptional;
}

/** A JSON array of texts; undefined when the key is absent. */
export function readWords(field: Field, key: string): readonly string[] | undefined {
  const text = field.metadata.get(key);
  if (text === undefined) return undefined;
  const words = parseJsonText(text);
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  return refuseMetadata(field, key, text, 'a JSON array of texts');
}

export function readAliases(field: Field): readonly string[] {
  return readWords(field, 'aliases') ?? [];
}

export function readPrecision(field: Field): Precision | undefined {
  const text = field.metadata.get('precision');
  const precision = text === undefined ? undefined : parsePrecision(text);
  if (text !== undefined && !precision)
    refuseMetadata(field, 'precision', text, 'a number such as 0.01, or 1e-6r');
  return precision;
}

export function readFormat(field: Field): TimeFormat | undefined {
  const text = field.metadata.get('format');
  if (text === undefined) return undefined;
  const format = compileTimeFormat(text);
  return typeof format === 'string'
    ? refuseMetadata(field, 'format', text, `a date format: ${format}`)
    : format;
}

function isUnit(text: string): text is TimeUnit {
  return text === 's' || text === 'ms' || text === 'us' || text === 'ns';
}

export function readEpoch(field: Field): TimeUnit | undefined {
  const text = field.metadata.get('epoch');
  if (text === undefined || isUnit(text)) return text;
  return refuseMetadata(field, 'epoch', text, '"s", "ms", "us" or "ns"');
}

/** A bound that narrows the type's own range. */
export function readBound(field: Field, key: 'minimum' | 'maximum'): Exact | undefined {
  const text = field.metadata.get(key);
  return text === undefined
    ? undefined
    : (parseExact(text.trim()) ?? refuseMetadata(field, key, text, 'a number'));
}

export function readLength(field: Field, key: 'minLength' | 'maxLength'): number | undefined {
  const text = field.metadata.get(key);
  if (text === undefined) return undefined;
  const length = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(length) ? length : refuseMetadata(field, key, text, 'a whole number');
}

/** Which of the tidying rules a text field asks for: `trim`, `nfc`, `trim,nfc`. */
export function readTidying(field: Field): readonly string[] {
  const text = field.metadata.get('text');
  const rules = text === undefined ? [] : text.split(',').map((rule) => rule.trim());
  return rules.every((rule) => rule === 'trim' || rule === 'nfc')
    ? rules
    : refuseMetadata(field, 'text', String(text), '"trim", "nfc" or "trim,nfc"');
}

export function readOnUnknown(field: Field): 'refuse' | 'null' | 'default' {
  const text = field.metadata.get('onUnknown');
  if (text === undefined) return 'refuse';
  if (!field.metadata.has('enum')) refuseMetadata(field, 'onUnknown', text, 'a field with an enum');
  if (text === 'null' && !field.nullable)
    refuseMetadata(field, 'onUnknown', text, '"refuse" or "default" in a field that is not nullable');
  if (text === 'default' && !field.metadata.has('default'))
    refuseMetadata(field, 'onUnknown', text, 'a field with a default');
  return text === 'refuse' || text === 'null' || text === 'default'
    ? text
    : refuseMetadata(field, 'onUnknown', text, '"refuse", "null" or "default"');
}

/** @throws SchemaError when the field has a key that says nothing about its type, and so would be ignored */
export function refuseKeys(field: Field, keys: readonly string[], where: string): void {
  for (const key of keys) {
    const text = field.metadata.get(key);
    if (text !== undefined) refuseMetadata(field, key, text, `no such key but in a column of ${where}`);
  }
}
