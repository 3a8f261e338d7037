/**
 * Decides when replay may send its next entry. Has no timers and waits for nobody: it is asked, and told what came of it.
 *
 * Owns the rate (capacity.ts), the window (window.ts) and the gate: open; paused, while the sink is away; probing, when
 * one entry asks whether it is back; partial, when a subset of the keys goes first (subset.ts).
 *
 * A1 while paused nothing is sent; while probing one entry is out. A2 while the sink is partitioned, only probes, 10 to 30 s
 * apart. A3 what was sent before the last reduction, or pause, is no reason for another: one loss, one reduction. A4 with live
 * traffic in the process, replay has at most `1 - liveShare` of the capacity, and only what live traffic leaves of it. A5
 * a Retry-After is kept to the end. A6 whatever is refused is refused for a bounded time or until an answer comes.
 */
import type { Random } from '../../core/clock.ts';
import { Capacity } from './capacity.ts';
import { LandingRate } from './landing-rate.ts';
import { Latency } from './latency.ts';
import { LiveLoad, type ReadLive } from './live-load.ts';
import type { Pacing } from './settings.ts';
import { Subset } from './subset.ts';
import { type Answer, type Verdict, verdictOf } from './verdict.ts';
import { Window } from './window.ts';

/** Leave to send one entry; it is handed back with `answered`. */
export interface Turn {
  readonly key: string;
  readonly rows: number;
  readonly sentMs: number;
  /** Seconds of allowance that it took; 0 when the pace did not hold it back. */
  readonly usedS: number;
  /** Entries out when it was sent, itself counted. */
  readonly inFlight: number;
  /** Good answers there had been when it was sent. */
  readonly answers: number;
  /** Rows, of live traffic too, that had landed in the second before: a refusal may take long, and says nothing of later. */
  readonly landedPerSecond: number;
}

export type Offer =
  | { readonly state: 'go'; readonly turn: Turn }
  /** Ask again then, or after any answer. */
  | { readonly state: 'wait'; readonly untilMs: number }
  /** For so long that nobody should wait for it. */
  | { readonly state: 'away'; readonly reason: string; readonly retryAfterMs: number };

export interface PaceListener {
  paused(reason: string, delayMs: number): void;
  resumed(pausedMs: number): void;
}

export interface PacerOptions {
  readonly pacing: Pacing;
  readonly random: Random;
  readonly listener: PaceListener;
  readonly live?: ReadLive | undefined;
  /** Whether the sink is known to be cut off. @default never */
  readonly isPartitioned?: (() => boolean) | undefined;
}

type Sent = Pick<Turn, 'sentMs' | 'landedPerSecond'>;

interface Paused {
  readonly at: 'paused';
  readonly reason: string;
  /** Until the sink is no longer known to be cut off. */
  readonly isPartition: boolean;
  untilMs: number;
}

type Gate =
  | { readonly at: 'open' }
  | Paused
  | { readonly at: 'probing'; readonly sinceMs: number; probe: Turn | undefined }
  | { readonly at: 'partial'; readonly subset: Subset };

const LEFT_WHEN = { strained: 0.7, away: 0.5 } as const;
/**
 * Silence after a reduction, so that a queue at the sink can drain; as much again by chance. Doubles while nothing is answered
 * well between two reductions.
 */
const HOLD_MS = 250;
const HOLD_DOUBLINGS_MAX = 5;
/** The sink asks for more than this: a pause, not a wait. */
const WAIT_MAX_MS = 2_000;
/** Longest that one entry keeps the next one waiting, however large it was. */
const ENTRY_MAX_S = 10;
/** Allowance that is not lost when a timer comes late. */
const LATE_S = 0.05;
const PARTITION_PROBE_MS = 10_000;
/** The entry that failed last lets another one be the probe, for so long. */
const PROBE_YIELDS_MS = 500;
const PROBE_JOBS = 2;
const NEVER_MS = Number.NEGATIVE_INFINITY;

export class Pacer {
  readonly #pacing: Pacing;
  readonly #random: Random;
  readonly #listener: PaceListener;
  readonly #isPartitioned: () => boolean;
  readonly #live: LiveLoad;
  readonly #capacity: Capacity;
  readonly #window = new Window();
  readonly #latency: Latency;
  readonly #landings = new LandingRate();
  #gate: Gate = { at: 'open' };
  #inFlight = 0;
  /** Rows sent beyond the allowance; negative while some of it is unused. */
  #debtRows = 0;
  #debtMs: number | undefined;
  #heldUntilMs = NEVER_MS;
  #newest: Sent = { sentMs: NEVER_MS, landedPerSecond: 0 };
  #reducedMs = NEVER_MS;
  #pausedMs = NEVER_MS;
  /** Of the entry that told of the outage last. */
  #failedKey: string | undefined;
  #rounds = 0;
  /** Reductions since the last good answer. */
  #strains = 0;
  #pausedSinceMs: number | undefined;

  constructor({ pacing, random, listener, live, isPartitioned = () => false }: PacerOptions) {
    this.#pacing = pacing;
    this.#random = random;
    this.#listener = listener;
    this.#isPartitioned = isPartitioned;
    this.#live = new LiveLoad(live);
    this.#capacity = new Capacity(pacing);
    this.#latency = new Latency(pacing.latencyRatioMax);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** As many are out as may be: whoever asks has to wait for an answer. */
  get isFull(): boolean {
    return this.#inFlight >= this.#window.limit;
  }

  get isPaused(): boolean {
    return this.#gate.at === 'paused' || this.#gate.at === 'probing';
  }

  /** Sixteenths of the keys that are let in: 0 while paused, 16 when open. */
  get sixteenths(): number {
    if (this.isPaused) return 0;
    return this.#gate.at === 'partial' ? this.#gate.subset.sixteenths : 16;
  }

  /** How many jobs are worth having at once: none while paused, and then one more than the one that failed. */
  jobsMax(nowMs: number): number {
    const { at } = this.#look(nowMs);
    if (at === 'paused') return 0;
    return at === 'probing' ? PROBE_JOBS : Number.POSITIVE_INFINITY;
  }

  /** A4; 0 while paused. */
  rowsPerSecond(nowMs: number): number {
    return this.#look(nowMs).at === 'paused' ? 0 : this.#rate(nowMs);
  }

  /** May `rows` rows under `key` be sent now? */
  offer(key: string, rows: number, nowMs: number): Offer {
    const gate = this.#look(nowMs);
    if (gate.at === 'paused') {
      return { state: 'away', reason: gate.reason, retryAfterMs: gate.untilMs - nowMs };
    }
    if (gate.at === 'probing') return this.#offerProbe(gate, key, rows, nowMs);
    if (gate.at === 'partial' && !gate.subset.has(key)) return waitUntil(gate.subset.stepEndsMs);
    if (this.isFull) return waitUntil(Number.POSITIVE_INFINITY);
    const nextMs = this.#nextMs(nowMs);
    if (nowMs < nextMs) return waitUntil(nextMs);
    if (gate.at === 'partial') gate.subset.sent();
    return { state: 'go', turn: this.#send(key, rows, nowMs) };
  }

  /** What came of a turn; undefined when nothing did. */
  answered(turn: Turn, answer: Answer | undefined, nowMs: number): void {
    this.#inFlight -= 1;
    const gate = this.#gate;
    const isProbe = gate.at === 'probing' && gate.probe === turn;
    if (isProbe) gate.probe = undefined;
    if (!answer) return;
    const verdict = this.#verdictOf(answer, nowMs);
    if (verdict === 'away') this.#failedKey = turn.key;
    if (answer.landed > 0) this.#landings.add(answer.landed, nowMs);
    if (verdict === 'silent') return;
    if (verdict !== 'good') this.#suffer(verdict, answer, turn, nowMs);
    if (verdict === 'away') return;
    if (isProbe) this.#resume(nowMs);
    if (verdict === 'good' && turn.sentMs > this.#reducedMs) this.#goOn(turn, answer, nowMs);
  }

  /** Where others land, a sink that is unavailable is so for this entry, or for a moment. */
  #verdictOf(answer: Answer, nowMs: number): Verdict {
    const verdict = verdictOf(answer);
    return answer.reason === 'unavailable' && this.#landings.perSecond(nowMs) > 0 ? 'strained' : verdict;
  }

  /**
   * Somebody else saw that the sink suffers: an engine, whose circuit opened or whose call failed and will be repeated.
   * @param isAway whether nothing can be sent before `retryAfterMs` is over
   */
  troubled(reason: string, isAway: boolean, retryAfterMs: number, nowMs: number): void {
    if (!isAway) return this.#suffer('strained', { reason, retryAfterMs }, this.#newest, nowMs);
    if (this.#newest.sentMs > this.#reducedMs) this.#reduce('away', this.#newest, nowMs);
    this.#pause(reason, retryAfterMs, nowMs);
  }

  #suffer(
    verdict: 'strained' | 'away',
    { reason = 'unavailable', retryAfterMs = 0 }: Pick<Answer, 'reason' | 'retryAfterMs'>,
    sent: Sent,
    nowMs: number,
  ): void {
    const isNews = sent.sentMs > this.#reducedMs;
    if (isNews) this.#reduce(verdict, sent, nowMs);
    if (retryAfterMs > WAIT_MAX_MS || (verdict === 'away' && sent.sentMs > this.#pausedMs)) {
      this.#pause(reason, retryAfterMs, nowMs);
      return;
    }
    const holdMs = Math.max(retryAfterMs, isNews ? this.#holdMs() : 0);
    this.#heldUntilMs = Math.max(this.#heldUntilMs, nowMs + holdMs);
  }

  #holdMs(): number {
    const holdMs = HOLD_MS * 2 ** Math.min(this.#strains, HOLD_DOUBLINGS_MAX);
    this.#strains += 1;
    return holdMs + holdMs * this.#random();
  }

  /** A3 is the caller's to ask. */
  #reduce(verdict: keyof typeof LEFT_WHEN, { landedPerSecond }: Sent, nowMs: number): void {
    this.#capacity.reduce(LEFT_WHEN[verdict], landedPerSecond);
    this.#window.halve();
    this.#reducedMs = nowMs;
  }

  #goOn(turn: Turn, answer: Answer, nowMs: number): void {
    const gate = this.#gate;
    this.#strains = 0;
    if (gate.at === 'partial') gate.subset.landed();
    if (turn.usedS > 0) this.#capacity.grow(turn.usedS);
    if (!answer.isPlain || turn.rows === 0) return;
    const { lowMs, isOverload } = this.#latency.note(turn.rows, turn.sentMs, nowMs);
    // Who is alone at the sink is slowed down by its slowness; a lower rate would punish a machine that is merely busy.
    if (isOverload) this.#window.halve();
    else this.#window.answered(turn, lowMs, nowMs);
  }

  /** The gate as it is now: pauses end, subsets grow, and partitions begin and end, by being looked at. */
  #look(nowMs: number): Gate {
    const gate = this.#gate;
    if (this.#isPartitioned()) {
      if (gate.at !== 'paused' && gate.at !== 'probing') this.#pause('partitioned', 0, nowMs);
    } else if (gate.at === 'paused' && gate.isPartition) gate.untilMs = Math.min(gate.untilMs, nowMs);
    if (gate.at === 'paused' && nowMs >= gate.untilMs) {
      this.#gate = { at: 'probing', sinceMs: nowMs, probe: undefined };
    }
    if (gate.at === 'partial') {
      gate.subset.advance(nowMs, this.#inFlight);
      if (gate.subset.isWhole && this.#gate === gate) this.#open();
    }
    return this.#gate;
  }

  #open(): void {
    this.#gate = { at: 'open' };
    this.#rounds = 0;
  }

  #pause(reason: string, retryAfterMs: number, nowMs: number): void {
    const gate = this.#gate;
    this.#heldUntilMs = Math.max(this.#heldUntilMs, nowMs + retryAfterMs);
    if (gate.at === 'paused') {
      gate.untilMs = Math.max(gate.untilMs, nowMs + retryAfterMs);
      return;
    }
    const delayMs = Math.max(retryAfterMs, this.#pauseMs());
    this.#rounds += 1;
    this.#pausedMs = nowMs;
    this.#gate = { at: 'paused', reason, isPartition: this.#isPartitioned(), untilMs: nowMs + delayMs };
    this.#capacity.restart(this.#live.perSecond(nowMs) ?? 0);
    this.#window.restart();
    if (gate.at === 'probing') return;
    this.#pausedSinceMs = nowMs;
    this.#listener.paused(reason, delayMs);
  }

  /** Half by chance, so that many workers do not ask together. */
  #pauseMs(): number {
    if (this.#isPartitioned()) return PARTITION_PROBE_MS * (1 + 2 * this.#random());
    const { pauseMs, pauseMaxMs } = this.#pacing;
    const stepMs = Math.min(pauseMaxMs, pauseMs * 2 ** Math.min(this.#rounds, 16));
    return stepMs / 2 + (stepMs / 2) * this.#random();
  }

  /** The probe was answered. A2. */
  #resume(nowMs: number): void {
    if (this.#gate.at !== 'probing') return;
    if (this.#isPartitioned()) {
      this.#pause('partitioned', 0, nowMs);
      return;
    }
    this.#gate = { at: 'partial', subset: new Subset(nowMs) };
    this.#listener.resumed(nowMs - (this.#pausedSinceMs ?? nowMs));
    this.#pausedSinceMs = undefined;
  }

  #offerProbe(gate: Gate & { at: 'probing' }, key: string, rows: number, nowMs: number): Offer {
    // Whoever was sent before the pause is still out: its answer would be taken for the probe's.
    if (gate.probe || this.#inFlight > 0) return waitUntil(Number.POSITIVE_INFINITY);
    if (nowMs < this.#heldUntilMs) return waitUntil(this.#heldUntilMs);
    // A key that fails alone must not keep the others out: one of them may go first.
    const yieldsUntilMs = gate.sinceMs + PROBE_YIELDS_MS;
    if (key === this.#failedKey && nowMs < yieldsUntilMs) return waitUntil(yieldsUntilMs);
    gate.probe = this.#send(key, rows, nowMs);
    return { state: 'go', turn: gate.probe };
  }

  #send(key: string, rows: number, nowMs: number): Turn {
    const rate = this.#rate(nowMs);
    this.#repay(rate, nowMs);
    const isHeld = this.#debtRows > -rate * LATE_S;
    const cost = Math.min(rows, rate * ENTRY_MAX_S);
    this.#debtRows += cost;
    this.#inFlight += 1;
    const usedS = isHeld ? cost / rate : 0;
    const landedPerSecond = this.#landedPerSecond(nowMs);
    const { answers } = this.#window;
    const turn: Turn = { key, rows, sentMs: nowMs, usedS, inFlight: this.#inFlight, answers, landedPerSecond };
    this.#newest = turn;
    return turn;
  }

  /** When the debt is paid, at the rate of now: a rate that grew lets those in who wait. */
  #nextMs(nowMs: number): number {
    const rate = this.#rate(nowMs);
    this.#repay(rate, nowMs);
    return Math.max(this.#heldUntilMs, nowMs + (Math.max(0, this.#debtRows) * 1_000) / rate);
  }

  #repay(rate: number, nowMs: number): void {
    const repaid = (rate * (nowMs - (this.#debtMs ?? nowMs))) / 1_000;
    this.#debtRows = Math.max(-rate * LATE_S, this.#debtRows - repaid);
    this.#debtMs = nowMs;
  }

  /** 0 when nothing of replay landed: live traffic alone does not show what the sink bears. */
  #landedPerSecond(nowMs: number): number {
    const own = this.#landings.perSecond(nowMs);
    return own === 0 ? 0 : own + (this.#live.perSecond(nowMs) ?? 0);
  }

  #rate(nowMs: number): number {
    const live = this.#live.perSecond(nowMs);
    const { rowsPerSecond, floor } = this.#capacity;
    if (live === undefined) return rowsPerSecond;
    const share = (1 - this.#pacing.liveShare) * rowsPerSecond;
    return Math.max(floor, Math.min(share, rowsPerSecond - live));
  }
}

function waitUntil(untilMs: number): Offer {
  return { state: 'wait', untilMs };
}
