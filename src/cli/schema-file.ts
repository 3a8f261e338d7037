/** JSON Schema files that the command line names. */
import { readFile } from 'node:fs/promises';
import { ConfigError, SchemaError } from '../core/errors.ts';
import type { Schema } from '../schema/arrow.ts';
import { fromJsonSchema } from '../schema/declare/from-json-schema.ts';

/**
 * The document in a file; `option` is what named the file, for messages.
 * @throws ConfigError when it cannot be read or is not JSON
 */
export async function readSchemaDocument(file: string, option: string): Promise<object> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(option, `${file} cannot be read`, 'Name a JSON Schema file that can be read.', cause);
  }
  try {
    return JSON.parse(text) as object;
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(option, `${file} is not JSON: ${words}`, 'Mend the file.', cause);
  }
}

/** What `make` gives, with the file in front of what it says against the schema. @throws SchemaError */
export function namingFile<T>(file: string, option: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new SchemaError(error.code, `${option}: ${file}: ${error.message}`, {
      hint: error.hint,
      cause: error,
    });
  }
}

/** @throws ConfigError or SchemaError, naming option and file */
export async function readSchemaFile(file: string, option: string): Promise<Schema> {
  const document = await readSchemaDocument(file, option);
  return namingFile(file, option, () => fromJsonSchema(document));
}
