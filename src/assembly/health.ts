/**
 * Whether a pipeline does what it is there for, for `/healthz`: it asks queue and store, and looks whether jobs move.
 *
 * H1 it never says ok without having asked. H2 an answer takes no longer than `CHECK_WITHIN_MS`, and is shared by who asks
 * within `KEPT_MS`. H3 reasons are words of this file and codes, never texts of others, which may hold a secret.
 */
import type { Clock } from '../core/clock.ts';
import { TierfallError } from '../core/errors.ts';
import type { EventBus } from '../core/events.ts';
import { chainPrefix } from '../reconcile/job.ts';
import type { Queue, QueueDepth } from '../reconcile/queue.ts';
import type { Worker } from '../reconcile/worker.ts';
import type { Store } from '../stores/store.ts';
import type { Health } from '../telemetry/metrics-server.ts';

export interface HealthOptions {
  readonly chain: string;
  readonly queue: Pick<Queue, 'depth'>;
  readonly store: Pick<Store, 'head'>;
  /** Whose jobs have to move. @default nobody's: jobs may wait */
  readonly worker?: Pick<Worker, 'movedMs'>;
  readonly clock: Clock;
  readonly bus: EventBus;
  /** How long jobs may wait while nothing moves, in milliseconds. @default 600_000 */
  readonly stalledAfterMs?: number;
}

const STALLED_AFTER_MS = 600_000;
const CHECK_WITHIN_MS = 3_000;
const KEPT_MS = 1_000;
/** How long a failure of the store counts after which nothing more was heard. */
const FAILED_FOR_MS = 60_000;
/** These are about one object: `verify` and the quarantine are there for them. */
const OF_ONE_OBJECT: ReadonlySet<string> = new Set([
  'STORAGE_CORRUPT',
  'STORAGE_NOT_FOUND',
  'STORAGE_ROWS_MISMATCH',
  'STORAGE_FOREIGN',
]);

/** Listens to the bus from now on. */
export function pipelineHealth(options: HealthOptions): () => Promise<Health> {
  const { clock, bus } = options;
  const watch = new Movement(options);
  let failed: { readonly atMs: number; readonly code: string } | undefined;
  bus.on('storageFailed', ({ code }) => {
    if (!OF_ONE_OBJECT.has(code)) failed = { atMs: clock.now(), code };
  });
  const look = async (): Promise<Health> => {
    const { chain, queue, store } = options;
    const [depth, stored] = await Promise.all([
      within(clock, () => queue.depth()),
      within(clock, () => store.head(`${chainPrefix(chain)}healthz`)),
    ]);
    const reasons: string[] = [];
    if ('fault' in depth) reasons.push(`the queue cannot be reached (${depth.fault})`);
    else reasons.push(...watch.reasonsFor(depth.value));
    if ('fault' in stored) reasons.push(`the store cannot be reached (${stored.fault})`);
    if (failed && clock.now() - failed.atMs < FAILED_FOR_MS) reasons.push(`storage failed (${failed.code})`);
    const { waiting, active, postponed } = 'value' in depth ? depth.value : UNKNOWN;
    return { ok: reasons.length === 0, reasons, jobs: { waiting, active, postponed } };
  };
  let kept: { readonly atMs: number; readonly answer: Promise<Health> } | undefined;
  return () => {
    if (!kept || clock.now() - kept.atMs >= KEPT_MS) kept = { atMs: clock.now(), answer: look() };
    return kept.answer;
  };
}

const UNKNOWN = { waiting: null, active: null, postponed: null };

/**
 * When jobs moved last: this worker's say so, or the queue got shorter or its head younger, which is another one's doing.
 */
class Movement {
  readonly #options: HealthOptions;
  readonly #startedMs: number;
  #otherMs: number;
  #last: QueueDepth | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#startedMs = options.clock.now();
    this.#otherMs = this.#startedMs;
  }

  reasonsFor(depth: QueueDepth): readonly string[] {
    const { worker, clock, stalledAfterMs = STALLED_AFTER_MS } = this.#options;
    const last = this.#last;
    this.#last = depth;
    const jobs = depth.waiting + depth.active + depth.postponed;
    const isMoved = last && (depth.rows < last.rows || depth.oldestMs !== last.oldestMs);
    if (jobs === 0 || isMoved) this.#otherMs = clock.now();
    if (!worker || jobs === 0) return [];
    const movedMs = Math.max(this.#otherMs, worker.movedMs);
    const idleMs = clock.now() - movedMs;
    const waitedMs = depth.oldestMs === undefined ? idleMs : clock.wallNow() - depth.oldestMs;
    const stalledMs = Math.min(idleMs, waitedMs);
    if (stalledMs < stalledAfterMs) return [];
    return [`${jobs} jobs wait and nothing has moved for ${Math.floor(stalledMs / 1000)} s`];
  }
}

type Asked<T> = { readonly value: T } | { readonly fault: string };

/** H2. */
async function within<T>(clock: Clock, ask: () => Promise<T>): Promise<Asked<T>> {
  let cancel = (): void => {};
  const late = new Promise<Asked<T>>((resolve) => {
    cancel = clock.schedule(CHECK_WITHIN_MS, () => resolve({ fault: `no answer in ${CHECK_WITHIN_MS} ms` }));
  });
  const answer = ask().then(
    (value) => ({ value }),
    (error: unknown) => ({ fault: error instanceof TierfallError ? error.code : 'UNEXPECTED' }),
  );
  try {
    return await Promise.race([answer, late]);
  } finally {
    cancel();
  }
}
