/** What a registry holds, compiled once per version and shared by all batches. */
import { type CompiledSchema, type CompileOptions, compileSchema } from '../schema/compile-schema.ts';
import type { SchemaRegistry } from '../schema/declare/registry.ts';

export class NewestSchema {
  readonly #registry: SchemaRegistry;
  readonly #options: CompileOptions;
  #known: { readonly version: number; readonly schema: CompiledSchema } | undefined;

  /** @param current what rows were checked against so far; a newer version is as tolerant */
  constructor(registry: SchemaRegistry, current: CompiledSchema | undefined) {
    this.#registry = registry;
    this.#options = current ? { tolerance: current.tolerance } : {};
  }

  /** @returns undefined when nothing is registered @throws what the registry throws, or SchemaError */
  async get(signal: AbortSignal): Promise<CompiledSchema | undefined> {
    const latest = await this.#registry.latest(signal);
    if (!latest) return undefined;
    if (this.#known?.version !== latest.version) {
      this.#known = { version: latest.version, schema: compileSchema(latest.schema, this.#options) };
    }
    return this.#known.schema;
  }
}
