/** The pace of one worker: pacer and gate under one roof, told in the words of replay. */
import type { Clock, Random } from '../../core/clock.ts';
import type { Emit } from '../../core/events.ts';
import type { JournalEntry } from '../../journal/journal.ts';
import type { EntryResult, Obstacle } from '../replay-entry.ts';
import type { ReadLive } from './live-load.ts';
import { PaceGate } from './pace-gate.ts';
import { Pacer } from './pacer.ts';
import { checkPace, type PaceSettings } from './settings.ts';
import type { Answer } from './verdict.ts';

export interface ReplayPaceOptions {
  readonly chain: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** What live traffic of this process does; without one, only latency and errors tell of it. */
  readonly live?: ReadLive | undefined;
  /** Whether the sink is known to be cut off: then one entry asks for it every 10 to 30 s. @default never */
  readonly isPartitioned?: (() => boolean) | undefined;
}

/** What a worker and its metrics may ask. */
export interface PaceView {
  /** Rows per second that replay may send now; 0 while paused. */
  readonly rowsPerSecond: number;
  /** Nothing is replayed, because the sink is away. */
  readonly isPaused: boolean;
  /** Entries that are being sent. */
  readonly inFlight: number;
  /** Sixteenths of all ordering keys that are let in: fewer than 16 after an outage. */
  readonly sixteenths: number;
}

export type Admission =
  /** `leave` is to be called once, with nothing when the entry came to no result. */
  | { readonly state: 'go'; readonly leave: (result: EntryResult | undefined) => void }
  /**
   * The worker stops, or the sink is away: the job goes back to the queue as it is. The pause is this worker's own, so the
   * job is not put off by it: another one, or the next process, may know better.
   */
  | { readonly state: 'stopped' };

export class ReplayPace {
  readonly #pacer: Pacer;
  readonly #gate: PaceGate;
  readonly #clock: Clock;

  /** @throws ConfigError */
  constructor(settings: PaceSettings, { chain, clock, random, emit, ...hooks }: ReplayPaceOptions) {
    this.#clock = clock;
    const listener = {
      paused: (reason: string, delayMs: number): void => emit('replayPaused', { chain, reason, delayMs }),
      resumed: (pausedMs: number): void => emit('replayResumed', { chain, pausedMs }),
    };
    this.#pacer = new Pacer({ pacing: checkPace(settings), random, listener, ...hooks });
    this.#gate = new PaceGate(this.#pacer, clock);
  }

  get view(): PaceView {
    const rowsPerSecond = this.#pacer.rowsPerSecond(this.#clock.now());
    const { isPaused, inFlight, sixteenths } = this.#pacer;
    return { rowsPerSecond, isPaused, inFlight, sixteenths };
  }

  /** How many jobs are worth having now: none while paused, one to ask whether that is over. */
  jobsMax(): number {
    return this.#pacer.jobsMax(this.#clock.now());
  }

  /** Waits for the turn of an entry. @throws the signal's reason */
  async enter(entry: JournalEntry, signal: AbortSignal): Promise<Admission> {
    const entered = await this.#gate.enter(entry.orderingKey ?? entry.key, entry.rowCount, signal);
    if (entered.state !== 'go') return { state: 'stopped' };
    return { state: 'go', leave: (result) => entered.leave(result && answerOf(result)) };
  }

  /** A request of replay that was no entry met this. */
  met({ reason, retryAfterMs }: Obstacle): void {
    this.troubled(reason, false, retryAfterMs);
  }

  /**
   * An engine over the same sink saw that it suffers.
   * @param isAway whether nothing can be sent before `retryAfterMs` is over
   */
  troubled(reason: string, isAway = false, retryAfterMs = 0): void {
    this.#pacer.troubled(reason, isAway, retryAfterMs, this.#clock.now());
    this.#gate.ask();
  }

  /** Ends every wait: the worker stops. */
  letGo(): void {
    this.#gate.letGo();
  }
}

function answerOf({ delivered, degraded, alreadyHeld, quarantined, obstacle }: EntryResult): Answer {
  const landed = delivered + degraded + alreadyHeld;
  const isPlain = degraded === 0 && quarantined.size === 0;
  return obstacle ? { ...obstacle, landed, isPlain } : { landed, isPlain };
}
