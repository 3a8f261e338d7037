/** The port of a schema registry: where a newer version of a schema may be found. */
import type { Schema } from '../arrow.ts';

export interface RegisteredSchema {
  readonly schema: Schema;
  /** Grows with every change; compared, never interpreted. */
  readonly version: number;
}

export interface SchemaRegistry {
  /** The newest version, or undefined when nothing is registered. */
  latest(signal: AbortSignal): Promise<RegisteredSchema | undefined>;
  /** All versions, oldest first; a capability. */
  versions?(signal: AbortSignal): Promise<readonly number[]>;
  /** One version, or undefined when there is none of that number; a capability. */
  get?(version: number, signal: AbortSignal): Promise<RegisteredSchema | undefined>;
}
