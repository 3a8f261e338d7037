/**
 * Watermarks in front of a journal: how full it may get before it takes no more, class by class.
 *
 * W1 what the journal took is never given up here: only entries that it has not taken are refused. W2 `low` is refused
 * first, `normal` next, `critical` last, so that a class never takes the room that a higher one is promised. W3 rows
 * on their way to the medium count as if they were there. W4 every refused row is counted by its class.
 */
import type { Priority } from '../core/batch.ts';
import type { Clock, Random } from '../core/clock.ts';
import { BackpressureError, ConfigError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Journal, JournalDamage, JournalDepth, JournalEntry, RawEntry } from './journal.ts';

export interface Watermarks {
  /** Bytes in the journal. @default 500_000_000 */
  readonly bytesMax?: number;
  /** Records in the journal. @default 1_000_000 */
  readonly rowsMax?: number;
  /** Age of the oldest entry, in milliseconds. @default none: age alone refuses nobody */
  readonly ageMsMax?: number;
}

export interface FlowControlOptions extends Watermarks {
  readonly chain: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly metrics: Metrics;
  /** Whether the journal's own depth has the entries that are not acknowledged yet. @default false */
  readonly countsOpen?: boolean;
  /** Asked to move entries to the store at once; called when the journal is half full and more comes. */
  readonly hurry: () => void;
}

/** The part of the watermark up to which a class is taken. */
const PARTS: Readonly<Record<Priority, number>> = { low: 0.8, normal: 0.9, critical: 1 };
/** From here on packing does not wait for company. */
const HURRY_PART = 0.5;
/** So far below its limit a class is wanted again. */
const SLACK = 0.05;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;
/** While no drain was measured yet. */
const RETRY_MS_UNKNOWN = 5_000;
/** Weight of the latest measurement of the drain. */
const DRAIN_WEIGHT = 0.3;

type Level = 'calm' | 'hurried' | 'no-low' | 'no-normal' | 'full';

class FlowControl {
  readonly #options: FlowControlOptions;
  readonly #bytesMax: number;
  readonly #rowsMax: number;
  readonly #ageMsMax: number;
  #pendingBytes = 0;
  #pendingRows = 0;
  /** Part of the watermark that is freed per millisecond; undefined before the first checkpoint. */
  #drainPerMs: number | undefined;
  #drainedMs: number;
  #level: Level = 'calm';

  constructor(options: FlowControlOptions) {
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? 500_000_000;
    this.#rowsMax = options.rowsMax ?? 1_000_000;
    this.#ageMsMax = options.ageMsMax ?? Number.POSITIVE_INFINITY;
    this.#drainedMs = options.clock.now();
  }

  /** How full the journal is: 1 = at the watermark that is nearest. */
  fill({ bytes, rows, oldestMs }: JournalDepth): number {
    const ageMs = oldestMs === undefined ? 0 : this.#options.clock.wallNow() - oldestMs;
    return Math.max(
      (bytes + this.#pendingBytes) / this.#bytesMax,
      (rows + this.#pendingRows) / this.#rowsMax,
      ageMs / this.#ageMsMax,
    );
  }

  /** @throws BackpressureError when there is no room for the class of the entry */
  admit({ priority, rowCount }: RawEntry, depth: JournalDepth): void {
    const fill = this.fill(depth);
    this.#tell(fill);
    if (fill >= HURRY_PART) this.#options.hurry();
    const limit = PARTS[priority];
    if (fill < limit) return;
    const { chain, metrics } = this.#options;
    metrics.counter('journal_refused_rows_total', { chain, priority }).add(rowCount);
    throw new BackpressureError(
      `the journal is at ${Math.floor(fill * 100)} % of its watermark, and ${priority} records are taken up to ${limit * 100} %`,
      this.#retryAfterMs(fill - limit + SLACK),
    );
  }

  begin({ body, rowCount }: RawEntry): void {
    if (this.#options.countsOpen) return;
    this.#pendingBytes += body.length;
    this.#pendingRows += rowCount;
  }

  end({ body, rowCount }: RawEntry): void {
    if (this.#options.countsOpen) return;
    this.#pendingBytes -= body.length;
    this.#pendingRows -= rowCount;
  }

  /** Measures how fast the journal is emptied. */
  drained(before: JournalDepth, after: JournalDepth): void {
    const nowMs = this.#options.clock.now();
    const elapsedMs = Math.max(1, nowMs - this.#drainedMs);
    this.#drainedMs = nowMs;
    const part = Math.max(
      (before.bytes - after.bytes) / this.#bytesMax,
      (before.rows - after.rows) / this.#rowsMax,
    );
    const latest = part / elapsedMs;
    this.#drainPerMs =
      this.#drainPerMs === undefined ? latest : this.#drainPerMs * (1 - DRAIN_WEIGHT) + latest * DRAIN_WEIGHT;
    this.#tell(this.fill(after));
  }

  /** When `part` of the watermark should have been freed; spread, so that not everybody comes back at once. */
  #retryAfterMs(part: number): number {
    const rate = this.#drainPerMs;
    const idealMs = rate === undefined ? RETRY_MS_UNKNOWN : rate > 0 ? part / rate : RETRY_MS_MAX;
    const boundedMs = Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, idealMs));
    return Math.round(boundedMs * (1 + this.#options.random() * 0.2));
  }

  #tell(fill: number): void {
    const level = levelOf(fill);
    if (level === this.#level) return;
    this.#level = level;
    this.#options.emit('journalPressed', { chain: this.#options.chain, level, fill });
  }
}

function levelOf(fill: number): Level {
  if (fill >= PARTS.critical) return 'full';
  if (fill >= PARTS.normal) return 'no-normal';
  if (fill >= PARTS.low) return 'no-low';
  return fill >= HURRY_PART ? 'hurried' : 'calm';
}

/** A journal behind watermarks. */
export interface ControlledJournal extends Journal {
  /** Whether it is half full or more: time to move entries wherever there is room. */
  readonly isPressed: boolean;
}

class JournalBehindWatermarks implements ControlledJournal {
  readonly #journal: Journal;
  readonly #control: FlowControl;

  constructor(journal: Journal, control: FlowControl) {
    this.#journal = journal;
    this.#control = control;
  }

  get isPressed(): boolean {
    return this.#control.fill(this.#journal.depth) >= HURRY_PART;
  }

  get checkpointed(): number {
    return this.#journal.checkpointed;
  }

  get depth(): JournalDepth {
    return this.#journal.depth;
  }

  get damage(): readonly JournalDamage[] {
    return this.#journal.damage;
  }

  async append(entry: RawEntry): Promise<number> {
    this.#control.admit(entry, this.#journal.depth);
    this.#control.begin(entry);
    try {
      return await this.#journal.append(entry);
    } finally {
      this.#control.end(entry);
    }
  }

  read(afterSeq: number, bytesMax: number): Promise<readonly JournalEntry[]> {
    return this.#journal.read(afterSeq, bytesMax);
  }

  async checkpoint(seq: number): Promise<void> {
    const before = this.#journal.depth;
    await this.#journal.checkpoint(seq);
    this.#control.drained(before, this.#journal.depth);
  }

  close(): Promise<void> {
    return this.#journal.close();
  }
}

/**
 * The same journal, which takes entries only while there is room for their class: `low` up to 80 % of the watermark,
 * `normal` up to 90 %, `critical` up to all of it.
 *
 * `append` then also throws BackpressureError, with a Retry-After from the measured drain (1 to 72 s); nothing was done.
 * @throws ConfigError when a watermark is not above 0
 */
export function controlFlow(journal: Journal, options: FlowControlOptions): ControlledJournal {
  for (const name of ['bytesMax', 'rowsMax', 'ageMsMax'] as const) {
    const value = options[name];
    if (value === undefined || value > 0) continue;
    throw new ConfigError(
      `watermarks.${name}`,
      `found ${value}, expected a number above 0`,
      'Correct the option.',
    );
  }
  const control = new FlowControl(options);
  options.metrics.gauge('journal_fill_ratio', { chain: options.chain }, () => control.fill(journal.depth));
  return new JournalBehindWatermarks(journal, control);
}
