/**
 * Drains the queue: claims jobs, replays their objects side by side, completes or postpones them, and sweeps for
 * the forgotten now and then.
 *
 * V1 nothing is claimed before the first sweep is done: after a wipe, older objects must be in the queue
 * before newer ones run; the same holds when the queue says that it may have forgotten some (Q5). V2 a job is completed only after its settlement is stored. V3 whatever a job throws, it is
 * postponed; when even that fails its lease runs out. V4 every claim has a name of its own (the fence of the
 * queue). V5 the loop waits by the clock and never spins.
 */
import { randomUUID } from 'node:crypto';
import { TierfallError } from '../core/errors.ts';
import { linkAbort } from '../core/signal.ts';
import type { Store } from '../stores/store.ts';
import { Lease } from './lease.ts';
import type { ReadLive } from './pace/live-load.ts';
import { type PaceView, ReplayPace } from './pace/replay-pace.ts';
import type { PaceSettings } from './pace/settings.ts';
import { type ClaimedJob, type Queue, type QueueDepth, QueueForgotError } from './queue.ts';
import { backoffMs, type ReplayControl, type ReplayDeps, type ReplayResult, replayObject } from './replay.ts';
import type { Settlement } from './settlement.ts';
import type { FactsDeps } from './stored-object.ts';
import { type SweepReport, sweep } from './sweep.ts';
import { Waiting } from './waiting.ts';
import { NOTHING_DONE, subtract, type WorkerCounts } from './worker-counts.ts';

export interface WorkerOptions extends Omit<ReplayDeps, 'store'> {
  readonly queue: Queue;
  readonly store: Store;
  /** The records of an object as it says itself, so that a sweep need not open it. @default they are counted */
  readonly factsOf?: FactsDeps['factsOf'];
  /** Unique among running workers. @default a random UUID */
  readonly name?: string;
  /** Jobs at a time, each of another lane. @default 4 */
  readonly concurrency?: number;
  /** Lanes it takes jobs of; every lane needs a worker somewhere. @default all */
  readonly lanes?: ReadonlySet<number>;
  /** How long a job stays with a worker that gives no sign of life, in milliseconds. @default 10000 */
  readonly leaseMs?: number;
  /** Wait between looks into an empty queue, in milliseconds. @default 200 */
  readonly idleMs?: number;
  /** @default 60000 */
  readonly sweepEveryMs?: number;
  /** How fast it may replay; `false` as fast as jobs at a time allow. @default found out by the sink's answers */
  readonly pace?: PaceSettings | false;
  /** What live traffic of this process does, which replay leaves room for. @default not known */
  readonly live?: ReadLive;
  /** Whether the sink is known to be cut off: then one entry asks for it every 10 to 30 s. @default never */
  readonly isPartitioned?: () => boolean;
  /** Called at the end of a drain, which resolves behind it. Must not throw. */
  readonly drained?: () => Promise<void>;
}

export interface WorkerStats {
  readonly running: number;
  readonly settled: number;
  readonly postponed: number;
  /** Jobs that went to another worker while they were worked on. */
  readonly lost: number;
  readonly delivered: number;
  readonly degraded: number;
  readonly alreadyHeld: number;
  readonly quarantined: number;
}

export interface DrainOptions {
  /** Ends the drain early; running entries are finished. */
  readonly signal?: AbortSignal;
  /** How long nothing may move, in milliseconds, before postponed jobs are left for later. @default 60000 */
  readonly patienceMs?: number;
}

export interface DrainReport {
  /** Nothing is left in the queue. */
  readonly drained: boolean;
  readonly sweep: SweepReport;
  /** What this drain did. */
  readonly done: Omit<WorkerStats, 'running'>;
  readonly left: QueueDepth;
  /** Why the last job was postponed; undefined when none was. */
  readonly lastObstacle: string | undefined;
  readonly durationMs: number;
}

export interface Worker {
  /** Works until `close`; calling it again does nothing. */
  start(): void;
  /**
   * Sweeps, then works until the queue is empty or patience ends. A worker that was started goes on afterwards.
   * @throws the signal's reason; StorageError when the first sweep fails
   */
  drain(options?: DrainOptions): Promise<DrainReport>;
  /** Finishes the running entries and gives the jobs back; safe to call twice. */
  close(): Promise<void>;
  readonly stats: WorkerStats;
  /** When it last finished an entry or a job, or was started, by the clock it was given. */
  readonly movedMs: number;
  /** How fast it may replay now; undefined without a pace. */
  readonly pace: PaceView | undefined;
  /**
   * Tells that an engine over the same sink saw it suffer, so that replay holds back at once.
   * @param isAway whether nothing can be sent before `retryAfterMs` is over
   */
  troubled(reason: string, isAway?: boolean, retryAfterMs?: number): void;
}

/** A worker that is not running yet. @throws ConfigError */
export function createWorker(options: WorkerOptions): Worker {
  return new ReconcileWorker(options);
}

const PATIENCE_MS = 60_000;
/** Sweeps in a row that the queue may forget before the next one waits. */
const FILL_ATTEMPTS = 3;

class ReconcileWorker implements Worker {
  readonly #options: WorkerOptions;
  readonly #name: string;
  readonly #concurrency: number;
  readonly #leaseMs: number;
  readonly #idleMs: number;
  readonly #sweepEveryMs: number;
  readonly #pace: ReplayPace | undefined;
  readonly #news: Waiting;
  readonly #watchers = new Set<Waiting>();
  readonly #running = new Set<Promise<void>>();
  readonly #counts: WorkerCounts = { ...NOTHING_DONE };
  #claims = 0;
  #loop: Promise<void> | undefined;
  #isStarted = false;
  #isClosed = false;
  #drains = 0;
  #sweeping: Promise<unknown> = Promise.resolve();
  #sweptMs: number | undefined;
  #failures = 0;
  movedMs = 0;
  #lastObstacle: string | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#name = options.name ?? randomUUID();
    this.#concurrency = options.concurrency ?? 4;
    this.#leaseMs = options.leaseMs ?? 10_000;
    this.#idleMs = options.idleMs ?? 200;
    this.#sweepEveryMs = options.sweepEveryMs ?? 60_000;
    const { pace = {} } = options;
    this.#pace = pace === false ? undefined : new ReplayPace(pace, options);
    this.#news = new Waiting(options.clock);
  }

  get pace(): PaceView | undefined {
    return this.#pace?.view;
  }

  troubled(reason: string, isAway?: boolean, retryAfterMs?: number): void {
    this.#pace?.troubled(reason, isAway, retryAfterMs);
  }

  get stats(): WorkerStats {
    return { running: this.#running.size, ...this.#counts };
  }

  start(): void {
    if (!this.#isStarted) this.movedMs = this.#options.clock.now();
    this.#isStarted = true;
    this.#run();
  }

  async drain({ signal, patienceMs = PATIENCE_MS }: DrainOptions = {}): Promise<DrainReport> {
    const { clock } = this.#options;
    const startedMs = clock.now();
    const before = { ...this.#counts };
    const watcher = new Waiting(clock);
    const unlink = signal && linkAbort(signal, () => watcher.wake());
    this.#lastObstacle = undefined;
    this.#watchers.add(watcher);
    try {
      const swept = await this.#sweep(true, signal);
      this.#drains += 1;
      this.movedMs = clock.now();
      this.#run();
      const left = await this.#untilStill(watcher, patienceMs, signal).finally(() => this.#endDrain());
      await this.#options.drained?.();
      const done = subtract(this.#counts, before);
      const drained = left.waiting + left.active + left.postponed === 0;
      const durationMs = clock.now() - startedMs;
      return { drained, sweep: swept, done, left, lastObstacle: this.#lastObstacle, durationMs };
    } finally {
      this.#watchers.delete(watcher);
      unlink?.();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tellAll();
    await this.#loop;
    await this.#sweeping.catch(() => undefined);
  }

  get #isStopping(): boolean {
    return this.#isClosed || (!this.#isStarted && this.#drains === 0);
  }

  #run(): void {
    if (this.#isStopping) return;
    this.#loop ??= this.#work().finally(() => {
      this.#loop = undefined;
      // Somebody may have started it again while the last jobs were being finished.
      this.#run();
    });
  }

  async #work(): Promise<void> {
    while (!this.#isStopping) {
      const jobsMax = Math.min(this.#concurrency, this.#pace?.jobsMax() ?? this.#concurrency);
      const isFull = this.#running.size >= jobsMax;
      const claimed = !isFull && (await this.#isSwept()) && (await this.#claim());
      if (!claimed && !this.#isStopping) await this.#news.wait(this.#pauseMs());
    }
    await Promise.all(this.#running);
  }

  #pauseMs(): number {
    return Math.max(this.#idleMs, this.#failures === 0 ? 0 : backoffMs(this.#failures, this.#options.random));
  }

  /** V1; later sweeps run beside the jobs. */
  async #isSwept(): Promise<boolean> {
    const { clock } = this.#options;
    if (this.#sweptMs !== undefined) {
      if (clock.now() - this.#sweptMs < this.#sweepEveryMs) return true;
      this.#sweptMs = clock.now();
      void this.#sweep(false).catch((error: unknown) => this.#report('sweep', error));
      return true;
    }
    try {
      await this.#sweep(true);
      return true;
    } catch (error) {
      this.#failures += 1;
      this.#report('sweep', error);
      return false;
    }
  }

  #sweep(checkSettlements: boolean, signal?: AbortSignal): Promise<SweepReport> {
    const { store, chain, queue, decode, factsOf, emit, clock } = this.#options;
    const ports = { store, chain, queue, decode, emit, ...(factsOf ? { factsOf } : {}) };
    const options = { ...ports, checkSettlements, ...(signal ? { signal } : {}) };
    const sweeping = this.#sweeping.then(async () => {
      for (let attempt = 1; ; attempt += 1) {
        const fill = await queue.beginFill?.();
        const report = await sweep(options);
        if (fill === undefined || (await fill.end())) {
          this.#sweptMs = clock.now();
          return report;
        }
        if (attempt === FILL_ATTEMPTS) throw new QueueForgotError();
      }
    });
    this.#sweeping = sweeping.catch(() => undefined);
    return sweeping;
  }

  async #claim(): Promise<boolean> {
    this.#claims += 1;
    const claim = `${this.#name}/${this.#claims}`;
    let job: ClaimedJob | undefined;
    try {
      job = await this.#options.queue.claim(claim, this.#leaseMs, this.#options.lanes);
      this.#failures = 0;
    } catch (error) {
      if (error instanceof QueueForgotError) this.#sweptMs = undefined;
      else {
        this.#failures += 1;
        this.#report('claim', error);
      }
    }
    if (!job) return false;
    const run = this.#runJob(job, claim).finally(() => {
      this.#running.delete(run);
      this.#tellAll();
    });
    this.#running.add(run);
    return true;
  }

  /** Never rejects. V2, V3. */
  async #runJob(job: ClaimedJob, claim: string): Promise<void> {
    const { queue, clock, random } = this.#options;
    const lease = new Lease({ queue, job, worker: claim, leaseMs: this.#leaseMs, clock });
    let result: ReplayResult;
    try {
      result = await replayObject(job, this.#options, this.#control(lease, job));
    } catch (error) {
      const reason = error instanceof TierfallError ? error.code : 'crashed';
      if (!lease.signal.aborted) this.#report(`replay ${job.ref}`, error);
      result = { state: 'postponed', reason, delayMs: backoffMs(job.attempts, random) };
    }
    await lease.end();
    try {
      if (lease.signal.aborted || !(await this.#finish(job, claim, result))) this.#counts.lost += 1;
    } catch (error) {
      this.#report(`finish ${job.ref}`, error);
    }
  }

  #control(lease: Lease, job: ClaimedJob): ReplayControl {
    let entriesDone = job.entriesDone;
    const checkpoint = async (done: number, progress: string): Promise<void> => {
      await lease.checkpoint(done, progress);
      if (done > entriesDone) this.movedMs = this.#options.clock.now();
      entriesDone = done;
    };
    const isStopping = (): boolean => this.#isStopping;
    return { lease: { signal: lease.signal, checkpoint }, isStopping, pace: this.#pace };
  }

  /** @returns false when the job had gone to another worker */
  async #finish(job: ClaimedJob, claim: string, result: ReplayResult): Promise<boolean> {
    const { queue, chain, emit } = this.#options;
    if (result.state === 'settled') {
      if (result.fresh) this.#count(job, result.settlement);
      this.movedMs = this.#options.clock.now();
      return queue.complete(job, claim);
    }
    if (result.state === 'stopped') return queue.postpone(job, claim, 0, 'stopped');
    const { reason, delayMs } = result;
    const isOurs = await queue.postpone(job, claim, delayMs, reason);
    if (!isOurs) return false;
    this.#counts.postponed += 1;
    this.#lastObstacle = reason;
    emit('jobPostponed', { chain, job: job.id, ref: job.ref, reason, delayMs, attempts: job.attempts + 1 });
    return true;
  }

  #count(job: ClaimedJob, { delivered, degraded, quarantined, alreadyHeld }: Settlement): void {
    const { chain, emit } = this.#options;
    this.#counts.settled += 1;
    this.#counts.delivered += delivered;
    this.#counts.degraded += degraded;
    this.#counts.alreadyHeld += alreadyHeld;
    this.#counts.quarantined += quarantined;
    emit('jobSettled', { chain, job: job.id, ref: job.ref, delivered, degraded, quarantined, alreadyHeld });
  }

  /** Waits until the queue is empty, or nothing has moved for as long as patience lasts. */
  async #untilStill(
    watcher: Waiting,
    patienceMs: number,
    signal: AbortSignal | undefined,
  ): Promise<QueueDepth> {
    const { queue, clock } = this.#options;
    for (;;) {
      signal?.throwIfAborted();
      const left = await queue.depth();
      const isEmpty = left.waiting + left.active + left.postponed === 0;
      const isStuck = left.active === 0 && clock.now() - this.movedMs > patienceMs;
      if (this.#isClosed || (this.#running.size === 0 && (isEmpty || isStuck))) return left;
      await watcher.wait(this.#idleMs);
    }
  }

  async #endDrain(): Promise<void> {
    this.#drains -= 1;
    this.#tellAll();
    if (this.#isStopping) await this.#loop;
  }

  #tellAll(): void {
    if (this.#isStopping) this.#pace?.letGo();
    this.#news.wake();
    for (const watcher of this.#watchers) watcher.wake();
  }

  #report(operation: string, error: unknown): void {
    const code = error instanceof TierfallError ? error.code : 'UNEXPECTED';
    const message = error instanceof Error ? error.message : String(error);
    this.#options.emit('storageFailed', { chain: this.#options.chain, operation, code, message });
  }
}
