/**
 * Holds the lease of one claimed job while it is worked on.
 *
 * L1 the lease is renewed every third of its length and with every checkpoint. L2 once it is lost, or may be
 * because it could not be renewed for its whole length, `signal` is aborted and every later call throws.
 * L3 calls to the queue never overlap, so a renewal cannot undo a checkpoint.
 */
import type { Cancel, Clock } from '../core/clock.ts';
import { TierfallError } from '../core/errors.ts';
import type { ClaimedJob, Queue } from './queue.ts';

/** Somebody else has the job now; nothing was lost, this attempt just ends. */
export class LeaseLostError extends TierfallError {
  override readonly name = 'LeaseLostError';

  constructor(ref: string) {
    super('LEASE_LOST', `the lease on ${ref} was lost`, {
      hint: 'Another worker goes on with it. Raise leaseMs if this happens often.',
      retryable: true,
    });
  }
}

export interface LeaseOptions {
  readonly queue: Pick<Queue, 'checkpoint'>;
  readonly job: ClaimedJob;
  /** The name the job was claimed with. */
  readonly worker: string;
  readonly leaseMs: number;
  readonly clock: Clock;
}

export class Lease {
  readonly #options: LeaseOptions;
  readonly #abort = new AbortController();
  #entriesDone: number;
  #progress: string | undefined;
  #renewedMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #cancelBeat: Cancel | undefined;
  #ended = false;

  /** Starts renewing at once. */
  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#entriesDone = options.job.entriesDone;
    this.#progress = options.job.progress;
    this.#renewedMs = options.clock.now();
    this.#scheduleBeat();
  }

  /** Aborted with LeaseLostError when the lease is lost. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Remembers progress and renews. @throws LeaseLostError; or what the queue throws, the lease then still holds */
  async checkpoint(entriesDone: number, progress: string): Promise<void> {
    this.signal.throwIfAborted();
    this.#entriesDone = entriesDone;
    this.#progress = progress;
    await this.#renew();
    this.signal.throwIfAborted();
  }

  /** Stops renewing and waits for a renewal that is under way; safe to call twice. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#cancelBeat?.();
    await this.#last.catch(() => undefined);
  }

  #scheduleBeat(): void {
    this.#cancelBeat = this.#options.clock.schedule(this.#options.leaseMs / 3, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    try {
      await this.#renew();
    } catch {
      // A queue that is away for a moment is no reason to stop; one that is away for a whole lease is.
      const { clock, leaseMs, job } = this.#options;
      if (clock.now() - this.#renewedMs >= leaseMs) this.#abort.abort(new LeaseLostError(job.ref));
    }
    if (!this.#ended && !this.signal.aborted) this.#scheduleBeat();
  }

  #renew(): Promise<void> {
    const renewal = this.#last.then(() => this.#callQueue());
    this.#last = renewal.catch(() => undefined);
    return renewal;
  }

  async #callQueue(): Promise<void> {
    const { queue, job, worker, leaseMs, clock } = this.#options;
    const startedMs = clock.now();
    const held = await queue.checkpoint(job, worker, leaseMs, this.#entriesDone, this.#progress);
    if (held) this.#renewedMs = startedMs;
    else this.#abort.abort(new LeaseLostError(job.ref));
  }
}
