/** Parts of a JSON Schema document, and the refusal of what cannot be enforced. */
import { SchemaError } from '../../core/errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** An object with names; arrays and bytes are none. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** The own value of a keyword: a name of `Object.prototype` is never taken for one. */
export function keywordOf(object: JsonObject, keyword: string): unknown {
  return Object.hasOwn(object, keyword) ? object[keyword] : undefined;
}

/** One step of a JSON pointer. */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** @throws SchemaError SCHEMA_UNSUPPORTED naming the place in the document */
export function refuseKeyword(path: string, words: string): never {
  throw new SchemaError('SCHEMA_UNSUPPORTED', `${path}: ${words}`, {
    hint: 'What cannot be enforced is refused rather than ignored: remove it, or declare the field in another way.',
  });
}

/** @throws SchemaError SCHEMA_TOO_LARGE: the document is read within bounded time and memory, or not at all */
export function refuseSize(path: string, words: string): never {
  throw new SchemaError('SCHEMA_TOO_LARGE', `${path}: ${words}`, {
    hint: 'Declare deep or wide parts as { "type": "object" } without properties; they are kept as JSON text.',
  });
}

/** A value of a keyword for messages, at most 40 characters. */
export function showKeyword(value: unknown): string {
  const text =
    typeof value === 'object' && value !== null
      ? Array.isArray(value)
        ? 'a list'
        : 'an object'
      : JSON.stringify(value);
  const shown = text ?? 'nothing';
  return shown.length > 40 ? `${shown.slice(0, 39)}…`.toWellFormed() : shown;
}
