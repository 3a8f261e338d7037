/**
 * The half that closes the loop: the backlog and the worker that replays it. Any number of processes can run
 * one over the same data directory beside the writer.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Chain } from '../chain/chain.ts';
import { openEngine } from '../chain/engine.ts';
import { extractRows, framer } from '../codecs/codecs.ts';
import type { Batch } from '../core/batch.ts';
import type { Cancel, Clock } from '../core/clock.ts';
import { EventBus, type EventName } from '../core/events.ts';
import type { Journal } from '../journal/journal.ts';
import type { KeysOf } from '../reconcile/completeness.ts';
import { keepManifests } from '../reconcile/manifests/keep-manifests.ts';
import { checkPace } from '../reconcile/pace/settings.ts';
import { isTrouble } from '../reconcile/pace/verdict.ts';
import { WINDOW_ENTRIES_MAX } from '../reconcile/replay-flow.ts';
import { createWorker, type Worker, type WorkerOptions } from '../reconcile/worker.ts';
import type { SchemaRegistry } from '../schema/declare/registry.ts';
import { recordKeysInTurns } from '../schema/record-keys.ts';
import { asCompiledSchema, type SchemaLike } from '../schema/schema-like.ts';
import type { Sink } from '../sinks/sink.ts';
import { type Backlog, type BacklogOptions, type Machine, openBacklog } from './backlog.ts';
import { createHealer, type Heal } from './heal.ts';
import { type HealSettings, keepHealing } from './keep-healing.ts';
import { once } from './once.ts';
import { replayOriginals } from './replay-originals.ts';

/** How the worker goes about it; all optional. */
export interface WorkerSettings
  extends Pick<
    WorkerOptions,
    'name' | 'concurrency' | 'lanes' | 'leaseMs' | 'idleMs' | 'sweepEveryMs' | 'pace' | 'isPartitioned'
  > {
  /** Heals degraded rows when the worker starts, and every so often. @default only when it is asked for */
  readonly heal?: HealSettings;
}

export interface ReconcilerOptions extends BacklogOptions {
  /** Name of the live chain, under which objects are stored. */
  readonly chain: string;
  /**
   * What deferred rows run through: a chain without storing tiers (`Chain.forReplay`), which keeps the originals of rows
   * that it degrades in `originals`.
   */
  readonly replay: (originals: Pick<Journal, 'append'>) => Chain;
  readonly sink: Sink;
  readonly schema?: SchemaLike;
  /** Where healing finds a newer schema. */
  readonly registry?: SchemaRegistry | undefined;
  readonly worker?: WorkerSettings;
  /** What live traffic of this process does. @default there is none */
  readonly live?: WorkerOptions['live'];
}

export interface Reconciler {
  readonly backlog: Backlog;
  readonly worker: Worker;
  readonly heal: Heal;
  /** Finishes what runs; safe to call twice. */
  close(): Promise<void>;
}

/** @throws StorageError when the data directory cannot be used; ConfigError for a pace that cannot be meant */
export async function openReconciler(options: ReconcilerOptions, machine: Machine): Promise<Reconciler> {
  const { chain, sink, schema, registry, live } = options;
  const { clock, random, metrics, bus } = machine;
  if (options.worker?.pace) checkPace(options.worker.pace);
  const backlog = await openBacklog(options, machine);
  const { queue, store, quarantine } = backlog;
  const replay = options.replay(replayOriginals({ store, chain, emit: bus.emit, encode: options.encode }));
  const own = replayBus(bus);
  const tolerant = options.worker?.pace === false ? replay : toleratingLosses(replay, options.worker);
  const engine = await openEngine({ chain: tolerant, framer, clock, random, metrics, bus: own });
  const { heal: healing, ...settings } = options.worker ?? {};
  const heal = createHealer({ backlog, sink, schema, registry }, machine);
  const manifests = keepManifests({ store, chain, clock, emit: bus.emit });
  const worker = createWorker({
    ...settings,
    ...(live ? { live } : {}),
    chain,
    queue,
    store: manifests.store,
    drained: () => manifests.keep(),
    quarantine,
    engine,
    sink,
    framer,
    extractRows,
    keysOf: keysOf(schema),
    decode: backlog.decode,
    factsOf: backlog.factsOf,
    clock,
    random,
    emit: bus.emit,
  });
  const stopHealing = healing && keepHealing({ ...healing, heal, chain, clock, emit: bus.emit });
  const stopListening = listenForTrouble({ worker, chain, replay, bus, own });
  showPace(chain, worker, metrics);
  return {
    backlog,
    worker,
    heal,
    close: once(async () => {
      stopListening();
      const cancel = letGoIn(CLOSE_WITHIN_MS, backlog, clock);
      await stopHealing?.();
      await worker.close();
      await manifests.close();
      await engine.close();
      await backlog.close();
      cancel();
    }),
  };
}

/** How long closing waits for a store that does not answer. */
export const CLOSE_WITHIN_MS = 5_000;

/** Stops waiting for the store after `delayMs`. @returns undoes it */
export function letGoIn(delayMs: number, backlog: Pick<Backlog, 'letGo'>, clock: Clock): Cancel {
  return clock.schedule(delayMs, () => backlog.letGo());
}

const TOLD = [
  'tierTransitioned',
  'batchDegraded',
  'circuitOpened',
  'circuitHalfOpened',
  'circuitClosed',
  'callRetried',
] as const satisfies readonly EventName[];

/** Without `batchRejected`: what replay cannot land stays stored or goes to quarantine, it is no caller's again. */
function replayBus(bus: EventBus): EventBus {
  const own = new EventBus();
  const pass = <N extends EventName>(name: N): unknown => own.on(name, (event) => bus.emit(name, event));
  for (const name of TOLD) pass(name);
  return own;
}

/**
 * A circuit that a user gave no number of failures opens only when more fails than can be out at once: one lost round is
 * answered by the pace, and would open it otherwise wherever many jobs run side by side.
 */
function toleratingLosses(replay: Chain, { concurrency = 4 }: WorkerSettings = {}): Chain {
  const nodes = replay.nodes.map((node) => {
    const { breaker } = node.limits;
    if (breaker === false) return node;
    const out = concurrency * WINDOW_ENTRIES_MAX;
    const tolerance = { failuresInRow: 2 * out, callsMin: 4 * out };
    return { ...node, limits: { ...node.limits, breaker: { ...tolerance, ...breaker } } };
  });
  return { ...replay, nodes };
}

interface TroubleSources {
  readonly worker: Worker;
  readonly chain: string;
  readonly replay: Chain;
  /** Of the pipeline, live and replayed. */
  readonly bus: EventBus;
  /** Of replay alone. */
  readonly own: EventBus;
}

/** Tells the worker what engines see of its sink before an entry has come to its end. @returns stops it */
function listenForTrouble({ worker, chain, replay, bus, own }: TroubleSources): () => void {
  const tiers = new Set(replay.nodes.map(({ name }) => name));
  const ofEntry = own.on('tierTransitioned', ({ reason, to }) => {
    // What is rejected is the entry's own answer, which follows at once.
    if (to !== 'REJECT' && isTrouble(reason)) worker.troubled(reason);
  });
  const ofCircuit = bus.on('circuitOpened', ({ chain: name, tier, reason, retryInMs }) => {
    // An isolated circuit is an operator's wish and says nothing about the sink.
    if (!tiers.has(tier) || retryInMs === Number.POSITIVE_INFINITY) return;
    if (name === replay.name) worker.troubled(reason, true, retryInMs);
    else if (name === chain) worker.troubled(reason, true);
  });
  return () => {
    ofEntry();
    ofCircuit();
  };
}

function showPace(chain: string, worker: Worker, metrics: Machine['metrics']): void {
  if (!worker.pace) return;
  metrics.gauge('replay_pace_rows_per_second', { chain }, () => worker.pace?.rowsPerSecond ?? 0);
  metrics.gauge('replay_paused', { chain }, () => (worker.pace?.isPaused ? 1 : 0));
  metrics.gauge('replay_in_flight_entries', { chain }, () => worker.pace?.inFlight ?? 0);
}

/** Keys as the sink was given them: of the declared fields where there are some, else of batch and row. */
export function keysOf(schemaLike: SchemaLike | undefined): KeysOf {
  const schema = schemaLike === undefined ? undefined : asCompiledSchema(schemaLike);
  if (!schema?.columns.some(({ key }) => key))
    return (batch, rows) => recordKeysInTurns(undefined, batch, rows, nextTurn);
  return async (batch: Batch, rows: readonly number[]) => {
    const checked = await schema.checkInTurns(batch, rows);
    // Drifted rows land coerced, so their key is that of the coerced fields.
    const { columns } = checked.residue.length === 0 ? checked : await schema.coerce(batch, rows);
    return recordKeysInTurns(columns, batch, rows, nextTurn);
  };
}
