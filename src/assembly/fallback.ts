/**
 * The ten-line preset: the default chain over one sink, a data directory, and a worker that brings back
 * what was deferred.
 *
 * F1 the journal is opened first, so a second writer on one directory is refused before it touches
 * anything. F2 closing goes against the data's way: engine, packer, worker, journal.
 */

import type { BreakerState } from '../chain/breaker.ts';
import type { Chain } from '../chain/chain.ts';
import { type Engine, type EngineOptions, openEngine } from '../chain/engine.ts';
import { framer } from '../codecs/codecs.ts';
import type { Clock, Random } from '../core/clock.ts';
import { readState, writeState } from '../core/durable-file.ts';
import { ConfigError } from '../core/errors.ts';
import { type Emit, EventBus } from '../core/events.ts';
import type { FileSystem } from '../core/file-system.ts';
import { toStorageError } from '../core/storage-fault.ts';
import { type ControlledJournal, controlFlow, type Watermarks } from '../journal/flow-control.ts';
import type { Journal } from '../journal/journal.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import type { FenceSettings } from '../reconcile/fence/order-fence.ts';
import type { ReconcileReport } from '../reconcile/ledger.ts';
import { checkPace } from '../reconcile/pace/settings.ts';
import { checkRetention } from '../reconcile/retention.ts';
import type { DrainOptions, DrainReport, Worker } from '../reconcile/worker.ts';
import type { Packer } from '../stores/pack.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import type { Backlog, Machine, ReportOptions } from './backlog.ts';
import { dataDirectory } from './data-directory.ts';
import { type DefaultChainOptions, defaultChain } from './default-chain.ts';
import { type Durability, type Durable, openDurable } from './durability.ts';
import type { Heal } from './heal.ts';
import { keepOrder } from './keep-order.ts';
import { keepRetention, type RetentionSettings } from './keep-retention.ts';
import { type ObjectOptions, type ObjectSettings, objectSettings } from './object-settings.ts';
import { once } from './once.ts';
import type { QueueLike } from './open-queue.ts';
import { type OpenedStores, openStores, type StoreLike } from './open-store.ts';
import { CLOSE_WITHIN_MS, letGoIn, openReconciler, type WorkerSettings } from './reconciler.ts';
import { watchBacklog } from './watch-backlog.ts';

export interface WatermarkOptions extends Watermarks {
  /**
   * What becomes of records that there is no room for. `throttle`: `submit` rejects with BackpressureError and the caller
   * keeps them. `drop-lowest`: those of priority `low` and `normal` are dropped and counted, `critical` ones are
   * throttled. `rotate`: from one half of the watermark on, the oldest records go to `overflow` as Parquet when the store
   * refuses them; beyond the watermark as `throttle`. @default 'throttle'
   */
  readonly whenFull?: 'throttle' | 'drop-lowest' | 'rotate';
}

export interface FallbackOptions
  extends Omit<DefaultChainOptions, 'journal' | 'appended' | 'dropsLowest'>,
    ObjectOptions {
  /**
   * Data directory: created when absent. With durability `journal` it is owned by one writing process at a time; with
   * `store` it holds nothing but the queue, which the store fills again when it is lost.
   */
  readonly dir: string;
  /**
   * What an acknowledgement of deferred rows stands for: `journal` the local disk, `store` the store itself, for
   * machines whose disk does not outlive them. @default 'journal'
   */
  readonly durability?: Durability;
  /** Where raw objects rest; closed with the pipeline. @default the directory `objects` of `dir` */
  readonly store?: StoreLike;
  /**
   * A second store, on another disk or in another bucket, for `whenFull: 'rotate'`. Objects are looked for in both, so
   * whoever reads this directory needs it too. @default none
   */
  readonly overflow?: StoreLike;
  /**
   * Where jobs wait for workers: `redis://…` for workers on other machines, which need a store that they reach, too.
   * @default the data directory, for any number of processes on this machine
   */
  readonly queue?: QueueLike;
  /** Deletes settled objects when their time is over. @default they stay */
  readonly retention?: RetentionSettings;
  /** `false` leaves replaying to `reconcile()` and to `tierfall worker`. @default a worker in this process */
  readonly worker?: WorkerSettings | false;
  /**
   * Batches of an ordering key are deferred behind what was deferred of it, until that is replayed. `false` lets them
   * overtake it. @default on
   */
  readonly fence?: FenceSettings | false;
  /** How full the journal may get: `low` records are taken up to 80 % of it, `normal` 90 %, `critical` 100 %. */
  readonly watermarks?: WatermarkOptions;
  readonly metrics?: Metrics;
  readonly bus?: EventBus;
  /** @default the machine's */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly fs?: FileSystem;
  /** Bytes of all batches in flight; above it `submit` rejects with BackpressureError. @default 268_435_456 */
  readonly inFlightBytesMax?: number;
  /** Largest single batch in bytes. @default 134_217_728 */
  readonly batchBytesMax?: number;
}

export interface Fallback extends AsyncDisposable {
  readonly chain: Chain;
  readonly engine: Engine;
  readonly journal: Journal;
  readonly backlog: Backlog;
  readonly worker: Worker;
  readonly metrics: Metrics;
  readonly submit: Engine['submit'];
  readonly run: Engine['run'];
  readonly on: Engine['on'];
  /** Moves what the journal holds into Parquet objects now. @throws StorageError when the store refuses */
  flush(): Promise<void>;
  /** Packs, sweeps and replays until nothing is left or patience ends. */
  reconcile(options?: DrainOptions): Promise<DrainReport>;
  /**
   * Packs, then upgrades in place what was delivered degraded and conforms by now. Safe to repeat, and beside others.
   * @throws ConfigError without a schema, or for a sink that cannot upgrade; StorageError when the store is away
   */
  heal: Heal;
  /** What became of everything that was deferred; with `heals`, of everything that was degraded as well. */
  report(options?: ReportOptions): Promise<ReconcileReport>;
  /** Lands what is in flight, packs what it can, finishes running jobs. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Opens everything over one directory.
 * @throws DirectoryLockedError when another process writes there; StorageError; ConfigError; SchemaError
 */
export async function createFallback(options: FallbackOptions): Promise<Fallback> {
  const { sink, schema, dir, queue, registry } = options;
  const { clock = systemClock, random = systemRandom, fs = nodeFileSystem, bus = new EventBus() } = options;
  const name = options.name ?? 'default';
  const metrics = options.metrics ?? createMetrics(name);
  const machine: Machine = { clock, random, fs, metrics, bus };
  const paths = dataDirectory(dir);
  const { emit } = bus;
  checkOptions(options);
  const { durability = 'journal' } = options;
  const settings = await objectSettings(options);
  const { stores, durable, journal } = await openUnderWatermarks(options, name, settings, machine);
  const opened: (() => Promise<void>)[] = [() => journal.close()];
  let live: Engine | undefined;
  try {
    const limits = limitsBehind(durability, options.limits);
    const dropsLowest = options.watermarks?.whenFull === 'drop-lowest';
    const replay = (originals: Pick<Journal, 'append'>): Chain =>
      defaultChain({ ...options, name, journal: originals }).forReplay();
    const worker = options.worker === false ? {} : { worker: options.worker ?? {} };
    const checked = schema ? { schema } : {};
    // The disk of the queue is not what anybody was promised there, so nobody waits for it.
    const areAnnouncementsHints = durability === 'store';
    const objects = { ...settings, stores, areAnnouncementsHints, live: () => live?.ledger };
    const reconciler = await openReconciler(
      { ...objects, ...checked, ...worker, dir, queue, registry, chain: name, replay, sink },
      machine,
    );
    opened.unshift(() => reconciler.close());
    const { backlog } = reconciler;
    const isStoredAtOnce = durability === 'store';
    const parts = { backlog, journal, isStoredAtOnce, hurry: durable.hurry };
    const kept = keepOrder(options.fence ?? {}, parts, machine);
    opened.unshift(() => kept.close());
    const packer = await durable.attach(kept.backlog, journal);
    opened.unshift(() => packer.close());
    const chain = defaultChain({
      ...{ ...options, name, journal: kept.journal, limits, dropsLowest },
      appended: durable.nudge,
    });
    const engine = await openLive(options, { chain, fence: kept.fence }, machine);
    live = engine;
    opened.unshift(async () => {
      await engine.close();
      await saveBreakers(fs, paths.root, engine, bus.emit);
    });
    const unwatch = watchBacklog({ chain: name, journal, backlog, metrics, clock });
    opened.unshift(async () => unwatch());
    if (options.retention) {
      opened.unshift(keepRetention({ ...options.retention, store: backlog.store, chain: name, clock, emit }));
    }
    packer.start();
    if (options.worker !== false) reconciler.worker.start();
    return assemble(
      { ...reconciler, chain, engine, journal, metrics, packer },
      once(async () => {
        const cancel = letGoIn(CLOSE_WITHIN_MS, backlog, clock);
        await closeEach(opened).finally(cancel);
      }),
    );
  } catch (error) {
    await closeEach(opened).catch(() => undefined);
    throw error;
  }
}

async function openLive(
  options: FallbackOptions,
  running: Pick<EngineOptions, 'chain' | 'fence'>,
  machine: Machine,
): Promise<Engine> {
  const saved = await savedBreakers(machine.fs, dataDirectory(options.dir).root);
  return openEngine({ ...limitsOf(options), ...running, framer, ...machine, ...saved });
}

function checkOptions({ watermarks, overflow, retention, sink, worker }: FallbackOptions): void {
  if (worker !== false && worker?.pace) checkPace(worker.pace);
  if (retention) checkRetention(retention.settledTtlMs, sink);
  if (watermarks?.whenFull !== 'rotate' || overflow !== undefined) return;
  throw new ConfigError(
    'watermarks.whenFull',
    'is "rotate", and there is no overflow to rotate to',
    "Name a second store: overflow: 'fs:/another/disk' or 's3://bucket/prefix'.",
  );
}

/** What makes rows durable, and how much of that there may be. */
async function openUnderWatermarks(
  options: FallbackOptions,
  chain: string,
  { encode, keys }: ObjectSettings,
  machine: Machine,
): Promise<{
  readonly stores: OpenedStores;
  readonly durable: Durable;
  readonly journal: ControlledJournal;
}> {
  const { store, overflow, durability = 'journal', watermarks = {} } = options;
  const { whenFull = 'throttle', ...marks } = watermarks;
  const paths = dataDirectory(options.dir);
  let isFilling = (): boolean => false;
  // What was rotated before stays readable whatever the policy is now.
  const isPressed = (): boolean => whenFull === 'rotate' && isFilling();
  const stores = openStores({ store, overflow, isPressed }, paths, machine);
  const durable = await openDurable(
    { durability, directory: paths.journal, chain, store: stores.store, encode, keys },
    machine,
  );
  const { clock, random, metrics, bus } = machine;
  const { hurry } = durable;
  const journal = controlFlow(durable.journal, {
    ...marks,
    chain,
    clock,
    random,
    metrics,
    emit: bus.emit,
    hurry,
    countsOpen: durability === 'store',
  });
  isFilling = () => journal.isPressed;
  return { stores, durable, journal };
}

/**
 * Batches that share a put fail together: one refused put would open the circuit, and behind this tier there is nobody
 * else to take what the next put might.
 */
function limitsBehind(
  durability: Durability,
  limits: FallbackOptions['limits'] = {},
): NonNullable<FallbackOptions['limits']> {
  if (durability === 'journal') return limits;
  return { ...limits, 'raw-persist': { breaker: false, ...limits['raw-persist'] } };
}

type Parts = Pick<Fallback, 'chain' | 'engine' | 'journal' | 'backlog' | 'worker' | 'metrics' | 'heal'> & {
  readonly packer: Pick<Packer, 'flush'>;
};

function assemble({ packer, heal, ...parts }: Parts, close: () => Promise<void>): Fallback {
  const { engine, backlog, worker } = parts;
  return {
    ...parts,
    submit: engine.submit.bind(engine),
    run: engine.run.bind(engine),
    on: engine.on.bind(engine),
    flush: () => packer.flush(),
    reconcile: async (drainOptions) => {
      await packer.flush();
      return worker.drain(drainOptions);
    },
    heal: async (healOptions) => {
      await packer.flush();
      return heal(healOptions);
    },
    report: (reportOptions) => backlog.report(reportOptions),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Closes everything even when something fails on the way, then tells the first failure. */
async function closeEach(opened: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of opened) await close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

function limitsOf({
  inFlightBytesMax,
  batchBytesMax,
}: FallbackOptions): Pick<FallbackOptions, 'inFlightBytesMax' | 'batchBytesMax'> {
  return {
    ...(inFlightBytesMax === undefined ? {} : { inFlightBytesMax }),
    ...(batchBytesMax === undefined ? {} : { batchBytesMax }),
  };
}

/** A hint for the next start: a disk that is too full for it must not make a close fail that lost nothing. */
async function saveBreakers(fs: FileSystem, root: string, engine: Engine, emit: Emit): Promise<void> {
  try {
    await writeState(fs, root, 'breakers.json', engine.breakerStates());
  } catch (error) {
    const { code, message } = toStorageError(error, `write ${root}/breakers.json`);
    emit('storageFailed', { chain: engine.chainName, operation: 'save breakers', code, message });
  }
}

async function savedBreakers(
  fs: FileSystem,
  root: string,
): Promise<{ readonly breakers?: Readonly<Record<string, BreakerState>> }> {
  const saved = await readState(fs, root, 'breakers.json');
  return saved ? { breakers: saved as Readonly<Record<string, BreakerState>> } : {};
}
