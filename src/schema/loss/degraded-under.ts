/**
 * The schema that rows were degraded under, kept with their original bytes: from both the cells that were delivered can
 * be made again, which is how an upgrade knows whether the sink's row is still the one that was delivered.
 */
import { type CompiledSchema, compileSchema } from '../compile-schema.ts';
import { fromJsonSchema } from '../declare/from-json-schema.ts';
import { toJsonSchema } from '../declare/to-json-schema.ts';

export interface DegradedUnder {
  readonly fingerprint: string;
  /** JSON Schema. */
  readonly document: object;
}

/** @returns undefined for a schema that JSON Schema cannot say */
export function degradedUnder({ schema, fingerprint }: CompiledSchema): DegradedUnder | undefined {
  try {
    return { fingerprint, document: toJsonSchema(schema) };
  } catch {
    // Its rows can still be replayed by hand; a delivery does not fail for what may be wanted later.
    return undefined;
  }
}

/** What `degradedUnder` gave. @returns undefined when it is not, or no longer says the schema that it names */
export function readDegradedUnder(value: unknown): CompiledSchema | undefined {
  const { fingerprint, document } = Object(value) as Partial<DegradedUnder>;
  if (typeof fingerprint !== 'string' || typeof document !== 'object' || document === null) return undefined;
  try {
    const schema = compileSchema(fromJsonSchema(document));
    return schema.fingerprint === fingerprint ? schema : undefined;
  } catch {
    return undefined;
  }
}
