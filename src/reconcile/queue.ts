/**
 * The port of a queue of reconcile jobs. Jobs are claim checks, never bodies. The store is the truth and
 * the queue is a hint: a queue that forgets everything is filled again by a sweep.
 *
 * Q1 a lane runs one job at a time, in order of `order`. Q2 a job whose worker died is claimable again when its
 * lease ends. Q3 announcing a job twice adds it once. Q4 a lane waits for its head, also while that is
 * postponed. Q5 a queue that may have forgotten jobs, or was told that some were never announced, gives none until a
 * sweep has filled it: newer objects must not overtake older ones. Q6 of the free lanes the one whose head has the highest
 * priority goes first, of equal ones the oldest; within a lane the order alone counts.
 */
import type { Priority } from '../core/batch.ts';
import { TierfallError } from '../core/errors.ts';
import type { KeyMarks } from './fence/key-marks.ts';

/** A claim check for one stored object. */
export interface Job {
  /** Deterministic: 32 hex digits over the ref. */
  readonly id: string;
  readonly chain: string;
  /** Key of the object in the store. */
  readonly ref: string;
  /** Jobs of one lane run in sequence. */
  readonly lane: number;
  /** Position in the lane: the journal sequence of the object's first entry. */
  readonly order: number;
  readonly rows: number;
  /** SHA-256 of the object. */
  readonly sha256: string;
  /** Q6: the highest of its records. @default 'normal' */
  readonly priority?: Priority;
}

export interface ClaimedJob extends Job {
  /** Times it was claimed before, this one not counted. */
  readonly attempts: number;
  /** Rows that an earlier attempt settled inside the object (see `checkpoint`). */
  readonly entriesDone: number;
  /** What the last `checkpoint` passed as `progress`, if anything. */
  readonly progress?: string;
}

export interface QueueDepth {
  readonly waiting: number;
  readonly active: number;
  readonly postponed: number;
  readonly rows: number;
  /** Wall clock when the oldest of these jobs was announced, ms since 1970; undefined when there is none, or not known. */
  readonly oldestMs?: number | undefined;
}

/** A sweep that fills a queue. */
export interface Fill {
  /** Everything is announced. @returns false when the queue may have forgotten some of it meanwhile */
  end(): Promise<boolean>;
}

/** Q5: the queue may have lost jobs; `claim` rejects with this until a fill has ended. */
export class QueueForgotError extends TierfallError {
  override readonly name = 'QueueForgotError';

  constructor() {
    super('QUEUE_FORGOT', 'the queue may have forgotten jobs', {
      hint: 'A worker sweeps the store by itself before it goes on; nothing is lost.',
      retryable: true,
    });
  }
}

export interface Queue {
  /** Marks of ordering keys that all writers see; a capability of queues that several machines share. */
  readonly keyMarks?: KeyMarks;
  announce(job: Job): Promise<'added' | 'known'>;
  /** As `announce`, of many at once: the answers in their order. What rejects may have added some. A capability. */
  announceAll?(jobs: readonly Job[]): Promise<readonly ('added' | 'known')[]>;
  /** Which of these job ids it holds; a capability that spares a sweep from reading objects. */
  knows?(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** The refs of all jobs it holds; a capability that lets a check name objects that are gone. */
  refs?(): Promise<readonly string[]>;
  /** Whether a sweep filled it and it has forgotten nothing since; a capability of queues that can lose their memory. */
  isWhole?(): Promise<boolean>;
  /** Q5: objects are stored whose jobs were never announced; a capability of queues that a sweep can fill. */
  doubt?(): Promise<void>;
  /** Q5: announces that a sweep begins; a capability of queues that can lose their memory. */
  beginFill?(): Promise<Fill>;
  /**
   * The next job of a free lane, or undefined when there is none now.
   * @param worker names this claim; new for every claim, because it is the fence against a lost lease
   * @param lanes of which it may be; left out, of any
   * @throws QueueForgotError when a sweep has to fill the queue first
   */
  claim(worker: string, leaseMs: number, lanes?: ReadonlySet<number>): Promise<ClaimedJob | undefined>;
  /**
   * Extends the lease and remembers progress; `progress` is the caller's own short account of it.
   * @returns false when the lease was lost to somebody else
   */
  checkpoint(
    job: Job,
    worker: string,
    leaseMs: number,
    entriesDone: number,
    progress?: string,
  ): Promise<boolean>;
  /** Done. @returns false when the lease was lost */
  complete(job: Job, worker: string): Promise<boolean>;
  /** Gives the job back for later; its lane waits. @returns false when the lease was lost */
  postpone(job: Job, worker: string, delayMs: number, reason: string): Promise<boolean>;
  depth(): Promise<QueueDepth>;
  close(): Promise<void>;
}
