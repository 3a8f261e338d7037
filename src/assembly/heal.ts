/** Healing, wired: what rows were degraded under and what they conform to now, over one backlog and one sink. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { framer } from '../codecs/codecs.ts';
import type { Batch } from '../core/batch.ts';
import type { Columns } from '../core/columns.ts';
import { ConfigError } from '../core/errors.ts';
import type { Residue } from '../core/outcome.ts';
import { subtractRows } from '../core/row-set.ts';
import type { JournalEntry } from '../journal/journal.ts';
import type { KeysOf } from '../reconcile/completeness.ts';
import { checkHealSink, type HealReport, type HealRunOptions, healChain } from '../reconcile/heal/heal.ts';
import { HEAL_OUTCOMES } from '../reconcile/heal/heal-progress.ts';
import type { ReadVersions, RowVersions } from '../reconcile/heal/heal-rows.ts';
import type { CompiledSchema } from '../schema/compile-schema.ts';
import type { SchemaRegistry } from '../schema/declare/registry.ts';
import { readDegradedUnder } from '../schema/loss/degraded-under.ts';
import { upgradeInTurns } from '../schema/loss/upgrade.ts';
import { recordKeysInTurns } from '../schema/record-keys.ts';
import { asCompiledSchema, type SchemaLike } from '../schema/schema-like.ts';
import type { Sink } from '../sinks/sink.ts';
import { NewestSchema } from '../tiers/newest-schema.ts';
import type { Backlog, Machine } from './backlog.ts';

export interface HealOptions extends Pick<HealRunOptions, 'dryRun' | 'signal'> {
  /** Leaves out objects whose hour was over before this moment. @default all */
  readonly since?: Date;
  /** What rows must conform to. @default the newest of the registry, else the schema of the pipeline */
  readonly schema?: SchemaLike;
}

export interface HealerOptions {
  readonly backlog: Pick<Backlog, 'chain' | 'store' | 'decode'>;
  readonly sink: Sink;
  readonly schema?: SchemaLike | undefined;
  readonly registry?: SchemaRegistry | undefined;
}

/**
 * Upgrades degraded rows in place where the schema takes the original bytes by now. Calling it again, or at the same time
 * elsewhere, changes nothing that is decided.
 * @throws ConfigError without a schema, or for a sink that cannot upgrade; StorageError when the store is away
 */
export type Heal = (options?: HealOptions) => Promise<HealReport>;

/** Opens nothing. */
export function createHealer(
  { backlog, sink, schema, registry }: HealerOptions,
  { clock, metrics, bus }: Pick<Machine, 'clock' | 'metrics' | 'bus'>,
): Heal {
  const pipeline = schema === undefined ? undefined : asCompiledSchema(schema);
  const newest = registry && new NewestSchema(registry, pipeline);
  const degraded = new DegradedSchemas();
  const { chain, store, decode } = backlog;
  return async ({ since, schema: given, dryRun = false, signal = new AbortController().signal } = {}) => {
    const current = given === undefined ? ((await newest?.get(signal)) ?? pipeline) : asCompiledSchema(given);
    if (!current) throw new ConfigError('schema', 'is missing', 'Name the schema that rows must conform to.');
    checkHealSink(sink, hasKeys(current));
    const report = await healChain(
      {
        chain,
        store,
        decode,
        framer,
        sink,
        clock,
        emit: bus.emit,
        fingerprint: current.fingerprint,
        readVersions: readVersions(sink, current, degraded),
        keysOf: (entry) => keysUnder(degraded.of(entry)),
      },
      { dryRun, signal, ...(since ? { sinceMs: since.getTime() } : {}) },
    );
    if (!dryRun) {
      for (const outcome of HEAL_OUTCOMES) {
        metrics.counter('fallback_healed_rows_total', { chain, outcome }).add(report[outcome]);
      }
    }
    return report;
  };
}

/** Schemas by the text that holds them, because all entries of a time have the same. */
class DegradedSchemas {
  readonly #byTrail = new Map<string, CompiledSchema | undefined>();

  of({ trail }: JournalEntry): CompiledSchema | undefined {
    const kept = keptSchema(trail);
    if (kept === undefined) return undefined;
    const name = JSON.stringify(kept);
    if (!this.#byTrail.has(name)) {
      if (this.#byTrail.size >= SCHEMAS_MAX) this.#byTrail.clear();
      this.#byTrail.set(name, readDegradedUnder(kept));
    }
    return this.#byTrail.get(name);
  }
}

const SCHEMAS_MAX = 64;

function keptSchema(trail: string): unknown {
  try {
    return (JSON.parse(trail) as { readonly schema?: unknown } | null)?.schema;
  } catch {
    return undefined;
  }
}

function readVersions(sink: Sink, current: CompiledSchema, degraded: DegradedSchemas): ReadVersions {
  return async (entry, batch, rows) => {
    const older = degraded.of(entry);
    if (!older) return unread([{ rows, reason: 'unknown-version', detail: NO_SCHEMA }]);
    // What drifted from a schema drifts from it for ever.
    if (older.fingerprint === current.fingerprint) {
      return unread([{ rows, reason: 'schema-mismatch', detail: SAME_SCHEMA }]);
    }
    const delivered = (await older.coerce(batch, rows)).columns;
    const unknown = subtractRows(rows, delivered.rows, batch.rowCount);
    const { columns, rows: upgraded, residue } = await upgradeInTurns(delivered, batch, current);
    const left: Residue[] = [...residue];
    if (unknown.length > 0) left.push({ rows: unknown, reason: 'unknown-version', detail: OTHER_COERCION });
    const same = columns.rows.length === delivered.rows.length;
    const before = same ? delivered : (await older.coerce(batch, columns.rows)).columns;
    return {
      rows: columns.rows,
      keys: upgraded.map(({ key }) => key),
      full: await payloadOf(columns, sink, current),
      degraded: await payloadOf(before, sink, older),
      isKeyed: hasKeys(older) || hasKeys(current),
      left,
    };
  };
}

const NO_SCHEMA = 'what the rows were degraded under was not kept';
const SAME_SCHEMA = 'the schema is the one they were degraded under';
const OTHER_COERCION = 'they would not be delivered any more under the schema they were degraded under';

function unread(left: readonly Residue[]): RowVersions {
  const nothing = { columns: undefined, records: undefined };
  return { rows: [], keys: [], full: nothing, degraded: nothing, isKeyed: false, left };
}

async function payloadOf(columns: Columns, sink: Sink, schema: CompiledSchema): Promise<RowVersions['full']> {
  return { columns, records: sink.accepts === 'records' ? await schema.recordsInTurns(columns) : undefined };
}

function keysUnder(schema: CompiledSchema | undefined): KeysOf {
  return async (batch: Batch, rows) => {
    if (!schema) throw new ConfigError('schema', NO_SCHEMA, 'Its rows stay degraded.');
    const columns = hasKeys(schema) ? (await schema.coerce(batch, rows)).columns : undefined;
    return recordKeysInTurns(columns, batch, rows, nextTurn);
  };
}

function hasKeys({ columns }: CompiledSchema): boolean {
  return columns.some(({ key }) => key);
}
