/** What a registry holds, compiled once per version and shared by all batches. */
import { type CompiledSchema, compileSchema } from '../schema/compile-schema.ts';
import type { SchemaRegistry } from '../schema/registry.ts';

export class NewestSchema {
  readonly #registry: SchemaRegistry;
  #known: { readonly version: number; readonly schema: CompiledSchema } | undefined;

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  /** @returns undefined when nothing is registered @throws what the registry throws, or SchemaError */
  async get(signal: AbortSignal): Promise<CompiledSchema | undefined> {
    const latest = await this.#registry.latest(signal);
    if (!latest) return undefined;
    if (this.#known?.version !== latest.version) {
      this.#known = { version: latest.version, schema: compileSchema(latest.schema) };
    }
    return this.#known.schema;
  }
}
