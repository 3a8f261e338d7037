/** Wherever a schema is asked for, an Arrow schema or an already compiled one will do. */
import type { Schema } from './arrow.ts';
import { type CompiledSchema, compileSchema } from './compile-schema.ts';

export type SchemaLike = Schema | CompiledSchema;

/** Compiles with default options unless that was done already. @throws SchemaError naming the field */
export function asCompiledSchema(schema: SchemaLike): CompiledSchema {
  return 'fingerprint' in schema ? schema : compileSchema(schema);
}
