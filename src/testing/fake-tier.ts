/**
 * A tier with controls: lands everything until told otherwise. Deterministic; has no timers and no chance.
 *
 * A1 what a run will do is taken from the controls when it starts, first in first out. A2 a guarded run makes
 * one call, between `work.enter()` and `work.leave()`, and hands a refusal back as its residue. A3 a held run is
 * in its call; it settles on release, or on abort when it promised to.
 */
import { SinkError } from '../core/errors.ts';
import type { Outcome, Residue } from '../core/outcome.ts';
import { SINK_REASONS, type SinkReason } from '../core/reason.ts';
import type { RowSet } from '../core/row-set.ts';
import type { Tier, TierContext, Work } from '../tiers/tier.ts';
import { Gate } from './gate.ts';

export interface FakeTierOptions<R extends string> {
  /** @default 'fake' */
  readonly kind?: string;
  /** Reasons it declares; it can be told to fail with others, as a faulty tier would. @default all sink reasons */
  readonly reasons?: readonly R[];
  /** @default 'delivered' */
  readonly lands?: Tier['lands'];
  /** Also makes a held run settle when its signal is aborted. @default false */
  readonly settlesOnAbort?: boolean;
  /** @default 1 */
  readonly amplification?: number;
  /** Whether it asks the guards before its call. @default true */
  readonly isGuarded?: boolean;
  /** Whether a run that is not held answers without a promise. @default false */
  readonly isSync?: boolean;
}

export interface FailNextOptions {
  /** Fails before any call was made, as a schema check does. @default false */
  readonly isLocal?: boolean;
  readonly detail?: string;
  /** Milliseconds. */
  readonly retryAfterMs?: number;
}

export interface FakeRun {
  readonly work: Work;
  readonly rows: RowSet;
  readonly cause: readonly Residue[];
}

/** What a run answers; a function sees the work. */
export type FakeAnswer = Outcome | undefined | ((work: Work) => Outcome | undefined);

export interface FakeTier<R extends string = string> extends Tier<R> {
  /** Runs so far, in the order they started. */
  readonly runs: readonly FakeRun[];
  /** Runs that wait for `release`. */
  readonly held: number;
  /** Times `open` and `close` were called. */
  readonly opened: number;
  readonly closed: number;
  /** The next run leaves `rows` (those it was given) with `reason`; the others land. */
  failNext(reason: string, rows?: RowSet, options?: FailNextOptions): void;
  /** The next run throws: at once, or in its promise. @param how default 'async' */
  throwNext(error: unknown, how?: 'sync' | 'async'): void;
  /** The next run answers with this, believed or not. */
  answer(outcome: FakeAnswer): void;
  /** Every run that was not told otherwise answers with this from now on. */
  answerAlways(outcome: FakeAnswer): void;
  /** Runs wait from now on. */
  hold(): void;
  /** Lets all waiting runs go on, in order. */
  release(): void;
  /** Resolves once at least `count` runs wait. */
  whenHeld(count: number): Promise<void>;
  /** `open` rejects with `error`. */
  failOpen(error: unknown): void;
  /** `close` rejects with `error`. */
  failClose(error: unknown): void;
}

interface Script {
  /** `now`: before the run becomes a promise; `local`: before any call; `call`: inside the call. */
  readonly when: 'now' | 'local' | 'call';
  act(work: Work): Outcome | undefined;
}

/** Creates a tier that lands all rows until it is told otherwise. */
export function fakeTier<const R extends string = SinkReason>(options: FakeTierOptions<R> = {}): FakeTier<R> {
  return new ControlledTier(options);
}

class ControlledTier<R extends string> implements FakeTier<R> {
  readonly kind: string;
  readonly reasons: readonly R[];
  readonly lands: Tier['lands'];
  readonly settlesOnAbort: boolean;
  readonly amplification: number;
  readonly runs: FakeRun[] = [];
  opened = 0;
  closed = 0;
  readonly #isGuarded: boolean;
  readonly #isSync: boolean;
  readonly #scripts: Script[] = [];
  readonly #gate = new Gate();
  #always: FakeAnswer;
  #openFailure: { readonly error: unknown } | undefined;
  #closeFailure: { readonly error: unknown } | undefined;

  constructor(options: FakeTierOptions<R>) {
    this.kind = options.kind ?? 'fake';
    this.reasons = options.reasons ?? (SINK_REASONS as readonly string[] as readonly R[]);
    this.lands = options.lands ?? 'delivered';
    this.settlesOnAbort = options.settlesOnAbort ?? false;
    this.amplification = options.amplification ?? 1;
    this.#isGuarded = options.isGuarded ?? true;
    this.#isSync = options.isSync ?? false;
  }

  get held(): number {
    return this.#gate.held;
  }

  failNext(reason: string, rows?: RowSet, { isLocal = false, ...words }: FailNextOptions = {}): void {
    this.#scripts.push({
      when: isLocal ? 'local' : 'call',
      act: (work) => ({ residue: [{ rows: rows ?? work.rows, reason, ...words }] }),
    });
  }

  throwNext(error: unknown, how: 'sync' | 'async' = 'async'): void {
    const act = (): never => {
      throw error;
    };
    this.#scripts.push({ when: how === 'sync' ? 'now' : 'call', act });
  }

  answer(outcome: FakeAnswer): void {
    this.#scripts.push({ when: 'call', act: (work) => answerOf(outcome, work) });
  }

  answerAlways(outcome: FakeAnswer): void {
    this.#always = outcome;
  }

  hold(): void {
    this.#gate.hold();
  }

  release(): void {
    this.#gate.release();
  }

  whenHeld(count: number): Promise<void> {
    return this.#gate.whenHeld(count);
  }

  failOpen(error: unknown): void {
    this.#openFailure = { error };
  }

  failClose(error: unknown): void {
    this.#closeFailure = { error };
  }

  async open(_context: TierContext): Promise<void> {
    this.opened += 1;
    if (this.#openFailure) throw this.#openFailure.error;
  }

  async close(): Promise<void> {
    this.closed += 1;
    if (this.#closeFailure) throw this.#closeFailure.error;
  }

  run(work: Work): Promise<Outcome | undefined> | Outcome | undefined {
    this.runs.push({ work, rows: work.rows, cause: work.cause });
    const script = this.#scripts.shift() ?? this.#default();
    if (script.when === 'now') return script.act(work);
    if (script.when === 'local') return this.#isSync ? script.act(work) : Promise.resolve(script.act(work));
    const refusal = this.#isGuarded ? work.enter() : undefined;
    if (refusal) return { residue: [{ rows: work.rows, reason: refusal }] };
    return this.#isSync && !this.#gate.isHolding ? this.#finish(work, script) : this.#finishLater(work, script);
  }

  #default(): Script {
    const always = this.#always;
    return { when: 'call', act: (work) => answerOf(always, work) };
  }

  async #finishLater(work: Work, script: Script): Promise<Outcome | undefined> {
    if (this.#gate.isHolding) await this.#wait(work);
    return this.#finish(work, script);
  }

  #finish(work: Work, script: Script): Outcome | undefined {
    const outcome = script.act(work);
    if (this.#isGuarded) work.leave(outcome?.residue?.[0]?.reason);
    return outcome;
  }

  #wait(work: Work): Promise<void> {
    const words = `${this.kind}: aborted while it was held`;
    return this.#gate.wait(
      this.settlesOnAbort ? work.signal : undefined,
      () => new SinkError('ambiguous', words),
    );
  }
}

function answerOf(answer: FakeAnswer, work: Work): Outcome | undefined {
  return typeof answer === 'function' ? answer(work) : answer;
}
