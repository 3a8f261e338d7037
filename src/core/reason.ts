/**
 * Why a tier did not land some records: the bounded vocabulary that edges, metrics and logs share.
 *
 * A tier declares the reasons it can fail with; the engine adds its own. A reason outside both is a bug
 * of the tier and is recorded as `crashed`, so labels stay bounded.
 */

/** Reasons that a sink or a schema check raises. */
export const SINK_REASONS = [
  'unavailable',
  'throttled',
  'too-large',
  'ambiguous',
  'schema-mismatch',
  'beyond-tolerance',
  'refused',
  'unauthorised',
  'missing-target',
  'undecodable',
] as const;

/** Reasons that only a tier that stores raises: there is no room for records of that class. */
export const STORAGE_REASONS = ['shed'] as const;

/** Reasons that the engine raises by itself, for any tier. */
export const ENGINE_REASONS = ['partitioned', 'circuit-open', 'over-budget', 'fenced', 'crashed'] as const;

export type SinkReason = (typeof SINK_REASONS)[number];
export type StorageReason = (typeof STORAGE_REASONS)[number];
export type EngineReason = (typeof ENGINE_REASONS)[number];
export type Reason = SinkReason | StorageReason | EngineReason;

export const REASONS: readonly Reason[] = [...SINK_REASONS, ...STORAGE_REASONS, ...ENGINE_REASONS];

/**
 * Reasons that say something about the sink rather than about the data: the same records may land later
 * without anybody touching them. Replay waits for these and quarantines the others.
 */
const PASSING: ReadonlySet<string> = new Set<Reason>([
  'unavailable',
  'throttled',
  'shed',
  'ambiguous',
  'unauthorised',
  'missing-target',
  'partitioned',
  'circuit-open',
  'over-budget',
  'fenced',
  'crashed',
]);

export function isPassing(reason: string): boolean {
  return PASSING.has(reason);
}

/**
 * Reasons that count against the circuit. `refused` and `too-large` do not: the sink answered. A schema
 * mismatch never reaches this question, because no call was made.
 */
const CIRCUIT_FAULTS: ReadonlySet<string> = new Set<Reason>([
  'unavailable',
  'throttled',
  'ambiguous',
  'unauthorised',
  'missing-target',
  'crashed',
]);

export function isCircuitFault(reason: string): boolean {
  return CIRCUIT_FAULTS.has(reason);
}
