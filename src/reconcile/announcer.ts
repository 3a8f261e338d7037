/**
 * Announces the jobs of stored objects. The store is the truth and the queue a hint, so a queue that takes none now holds up
 * nobody: what it did not take is kept here and announced later.
 *
 * U1 `announce` resolves when the queue has the job or when it is kept here; the object is stored, so the sweep finds what
 * a crash takes from here. U2 while one waits, all that come wait behind it: jobs reach the queue in the order they came.
 * U3 no more than `keptMax` are kept. Then all of them are left to the sweep, and the queue is told so before it is given
 * anything newer (Q5); a queue that cannot be told refuses the job that is one too many. U4 a file says that jobs are
 * kept, as far as the disk takes it: after a crash the queue is told the same.
 *
 *     taken ──(refused)──> kept ──(queue answers)──> taken
 *                            └──(too many)──> left to the sweep ──(queue told)──> taken
 */
import type { Cancel, Clock, Random } from '../core/clock.ts';
import { readState, writeState } from '../core/durable-file.ts';
import { TierfallError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Job, Queue } from './queue.ts';

const KEPT_MAX = 10_000;
const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 10_000;
const MARKER = 'unannounced.json';

export interface AnnouncerOptions {
  readonly queue: Pick<Queue, 'announce' | 'doubt'>;
  readonly chain: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly fs: FileSystem;
  /** The data directory. */
  readonly directory: string;
  readonly emit: Emit;
  readonly metrics: Metrics;
  /** Jobs that wait here; about 400 bytes each. @default 10_000 */
  readonly keptMax?: number;
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #keptMax: number;
  /** By id, oldest first. */
  readonly #kept = new Map<string, Job>();
  /** Some jobs were left to the sweep, and the queue does not know yet. */
  #isDoubtful = false;
  #telling: Promise<void> | undefined;
  #opening: Promise<void> | undefined;
  #cancelTimer: Cancel | undefined;
  #failures = 0;
  #lastError: unknown;
  #isClosed = false;
  #isMarked = false;
  #marking: Promise<void> = Promise.resolve();

  constructor(options: AnnouncerOptions) {
    const { chain, metrics, keptMax = KEPT_MAX } = options;
    this.#options = options;
    this.#keptMax = keptMax;
    metrics.gauge('jobs_unannounced', { chain }, () => this.#kept.size);
  }

  /** @throws the error of the queue when it takes none, cannot be told, and no more can be kept */
  async announce(job: Job): Promise<void> {
    this.#opening ??= this.#open();
    await this.#opening;
    if (this.#isBehind) return this.#keep(job);
    try {
      await this.#tell(job);
    } catch (error) {
      await this.#keep(job, error);
    }
  }

  /** Tries once more; what is left then is the sweep's. Never throws, safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    if (this.#isBehind) await this.#tellAll();
    await this.#marking;
  }

  get #isBehind(): boolean {
    return this.#isDoubtful || this.#telling !== undefined || this.#kept.size > 0;
  }

  /** U4. */
  async #open(): Promise<void> {
    const { fs, directory } = this.#options;
    this.#isMarked = (await readState(fs, directory, MARKER)) !== undefined;
    this.#isDoubtful = this.#isMarked;
    if (this.#isDoubtful) void this.#tellAll();
  }

  async #keep(job: Job, error?: unknown): Promise<void> {
    if (this.#kept.size >= this.#keptMax && !this.#kept.has(job.id)) this.#leaveToSweep(error);
    // Whoever waits while the queue is being told may be stored after the sweep that this begins.
    if (this.#isDoubtful && this.#telling === undefined) this.#count(1);
    else this.#kept.set(job.id, job);
    if (error !== undefined) this.#afterFailure(error);
    await this.#mark();
  }

  /** U3. */
  #leaveToSweep(error: unknown): void {
    if (this.#options.queue.doubt === undefined) throw error ?? this.#lastError;
    this.#count(this.#kept.size);
    this.#kept.clear();
    this.#isDoubtful = true;
  }

  async #tell(job: Job): Promise<void> {
    const { queue, chain, emit } = this.#options;
    const { id, ref, rows } = job;
    if ((await queue.announce(job)) === 'added') emit('jobAnnounced', { chain, job: id, ref, rows });
  }

  /** Everything that waits, in order; never rejects. */
  #tellAll(): Promise<void> {
    this.#telling ??= this.#tellKept().then(
      () => {
        this.#telling = undefined;
        this.#failures = 0;
        // Somebody may have come while the last one was told.
        return this.#kept.size > 0 || this.#isDoubtful ? this.#tellAll() : this.#mark();
      },
      (error: unknown) => {
        this.#telling = undefined;
        this.#afterFailure(error);
      },
    );
    return this.#telling;
  }

  async #tellKept(): Promise<void> {
    for (;;) {
      if (this.#isDoubtful) await this.#doubt();
      const [job] = this.#kept.values();
      if (job === undefined) return;
      await this.#tell(job);
      this.#kept.delete(job.id);
    }
  }

  async #doubt(): Promise<void> {
    this.#isDoubtful = false;
    try {
      await this.#options.queue.doubt?.();
    } catch (error) {
      this.#isDoubtful = true;
      throw error;
    }
  }

  #afterFailure(error: unknown): void {
    const { chain, clock, random, emit } = this.#options;
    const code = error instanceof TierfallError ? error.code : 'UNEXPECTED';
    const words = error instanceof Error ? error.message : String(error);
    this.#lastError = error;
    const more = this.#isDoubtful ? ', others are left to the sweep' : '';
    const message = `${words}; ${this.#kept.size} jobs wait to be announced${more}`;
    emit('storageFailed', { chain, operation: 'announce', code, message });
    if (this.#isClosed) return;
    const limitMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.schedule(limitMs * (0.5 + random() / 2), () => void this.#tellAll());
  }

  #count(jobs: number): void {
    const { chain, metrics } = this.#options;
    metrics.counter('jobs_left_to_sweep_total', { chain }).add(jobs);
  }

  /** U4, one at a time: what is true when its turn comes. A disk that takes no marker holds up nobody. */
  #mark(): Promise<void> {
    const { fs, directory } = this.#options;
    this.#marking = this.#marking
      .then(async () => {
        if (this.#isMarked === this.#isBehind) return;
        const isBehind = this.#isBehind;
        if (isBehind) await writeState(fs, directory, MARKER, {});
        else await fs.unlink(`${directory}/${MARKER}`);
        this.#isMarked = isBehind;
      })
      .catch(() => undefined);
    return this.#marking;
  }
}

/** U4 for whoever announces nothing: tells the queue what the file says, if there is one, and is done with it. */
export async function tellUnannounced({
  queue,
  fs,
  directory,
}: Pick<AnnouncerOptions, 'queue' | 'fs' | 'directory'>): Promise<void> {
  if ((await readState(fs, directory, MARKER)) === undefined) return;
  await queue.doubt?.();
  await fs.unlink(`${directory}/${MARKER}`);
}
