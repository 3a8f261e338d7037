/**
 * The order fence: batches of an ordering key with deferred rows are deferred behind them, until the last of those is
 * settled. So records of one key reach the sink in submit order across outages, replay and restarts.
 *
 *   chain/engine.ts ──enter──> open | fenced         journal ──begin, appended──> closed
 *                                                    packer ──stored──> waits for the settlement ──> open
 *
 * O1 a key is open only when everything that was deferred of it is settled: a settlement is what counts, never the
 * silence of a queue, which may have forgotten. O2 a key without backlog is never held up, but while a starting writer
 * does not know yet which keys have one. O3 a batch may be held for `holdMsMax` instead of being deferred, when the
 * backlog is about to be gone: a key whose batches come faster than the way through the store would never be open
 * again. Holding that was in vain is not tried again for a while, and longer each time. O4 with `marks`, other writers may
 * defer batches of the same keys: a key that is open here is asked for there, and closed while nobody can answer.
 */
import type { Fence } from '../../chain/fence.ts';
import type { Cancel, Clock } from '../../core/clock.ts';
import { ConfigError } from '../../core/errors.ts';
import { placeOf } from '../job.ts';
import { KeyBacklog, type StoredKeys } from './key-backlog.ts';
import type { KeyMarks } from './key-marks.ts';
import type { KeyMemory } from './key-memory.ts';
import { type RecoverOptions, recoverKeys } from './recover-keys.ts';
import { SettlementWatch, type SettlementWatchOptions } from './settlement-watch.ts';
import { type Answer, SharedKeys } from './shared-keys.ts';

export interface FenceSettings {
  /** How long a batch waits for a backlog that is about to be gone before it is deferred too, in milliseconds. @default 1000 */
  readonly holdMsMax?: number;
}

export interface OrderFenceOptions
  extends FenceSettings,
    Omit<RecoverOptions, 'backlog' | 'held' | 'isStopped' | 'onKnown'>,
    Pick<SettlementWatchOptions, 'queue'> {
  readonly memory: KeyMemory;
  readonly clock: Clock;
  /** Packs what is in the journal now. */
  readonly hurry: () => void;
  /** What other writers have deferred. @default nobody else writes these keys */
  readonly marks?: KeyMarks | undefined;
}

const HOLD_MS = 1_000;
const HOLD_LIMIT_MS = 60_000;
/** A lane that settled something in this time is being drained. */
const DRAINING_MS = 5_000;
const IN_VAIN_MS = 5_000;
const IN_VAIN_MAX_MS = 300_000;
const RECOVER_AGAIN_MS = 2_000;
const FORGET_EVERY_MS = 1_000;

const OPEN = Promise.resolve('open' as const);
const FENCED = Promise.resolve('fenced' as const);

function checkHold(holdMsMax: number): number {
  if (holdMsMax >= 0 && holdMsMax <= HOLD_LIMIT_MS) return holdMsMax;
  throw new ConfigError(
    'fence.holdMsMax',
    `found ${holdMsMax}, expected 0 to ${HOLD_LIMIT_MS} milliseconds`,
    'Leave it out for a second; 0 holds nothing.',
  );
}

interface Patience {
  readonly failures: number;
  readonly untilMs: number;
}

export class OrderFence implements Fence {
  readonly #options: OrderFenceOptions;
  readonly #clock: Clock;
  readonly #holdMsMax: number;
  readonly #backlog: KeyBacklog;
  readonly #watch: SettlementWatch;
  readonly #shared: SharedKeys | undefined;
  /** Whoever is held, by key. */
  readonly #held = new Map<string, () => void>();
  /** Whoever is held until it is known which keys are closed. */
  readonly #unsure = new Set<() => void>();
  /** Closed for no other reason yet than that an earlier process left them so. */
  readonly #remembered = new Set<string>();
  /** Open again, and still remembered. */
  readonly #forgettable = new Set<string>();
  #cancelForgetting: Cancel | undefined;
  readonly #patience = new Map<string, Patience>();
  readonly #settledMs = new Map<number, number>();
  #lastSettledMs = Number.NEGATIVE_INFINITY;
  #isKnown = false;
  #isUnsureInVain = false;
  #isClosed = false;
  #recovering: Promise<void> = Promise.resolve();
  #cancelRecovery: Cancel = () => {};

  /** @throws ConfigError */
  constructor(options: OrderFenceOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#holdMsMax = checkHold(options.holdMsMax ?? HOLD_MS);
    this.#backlog = new KeyBacklog((key, ref) => this.#opened(key, ref));
    const { queue, store, clock, marks } = options;
    this.#shared =
      marks && new SharedKeys({ marks, clock, objects: () => [...this.#backlog.lastObjects()].map(placed) });
    this.#watch = new SettlementWatch({
      queue,
      store,
      clock,
      heads: () => this.#backlog.heads(),
      settled: (ref) => this.settled(ref),
    });
  }

  /** Closed keys. */
  get size(): number {
    return this.#backlog.size;
  }

  /** Begins to find out, in the background, which keys an earlier process left closed. */
  start(): void {
    this.#recovering = this.#recover();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRecovery();
    await this.#recovering;
    this.#shared?.close();
    await this.#watch.close();
    this.#cancelForgetting?.();
    await this.#forget();
  }

  enter(key: string): undefined | Promise<'open' | 'fenced'> {
    const isClosed = this.#backlog.isClosed(key);
    if (!isClosed && this.#isKnown) return this.#shared && this.#askOthers(key, this.#shared);
    if (!isClosed) return this.#isUnsureInVain ? FENCED : this.#holdUnsure(key);
    return this.#mayHold(key) ? this.#hold(key) : FENCED;
  }

  /** Runs an append of a batch of the key, which is closed from now on. @throws what it throws */
  async appending(key: string, append: () => Promise<number>): Promise<number> {
    this.#backlog.begin(key);
    let seq: number;
    try {
      seq = await append();
    } catch (error) {
      this.#backlog.givenUp(key);
      throw error;
    }
    this.#backlog.appended(key, seq);
    return seq;
  }

  /** Objects of a range are in the store, and not announced yet. @throws StorageError */
  async stored(objects: readonly StoredKeys[]): Promise<void> {
    await this.#options.memory.remember(objects);
    this.#backlog.stored(objects);
    this.#watch.begin();
    await this.#shared?.add(objects);
  }

  /** The journal has nothing any more up to `seq`. */
  storedThrough(seq: number): void {
    this.#backlog.storedThrough(seq);
  }

  settled(ref: string): void {
    const place = placeOf(ref);
    if (!place || !this.#backlog.settled(ref, place.lane)) return;
    this.#lastSettledMs = this.#clock.now();
    this.#settledMs.set(place.lane, this.#lastSettledMs);
  }

  async #recover(): Promise<void> {
    const { chain, store, journal, decode, memory } = this.#options;
    const backlog = this.#backlog;
    try {
      const marked = await this.#shared?.lookingAt();
      await recoverKeys({
        ...{ chain, store, journal, decode, memory, backlog, held: this.#remembered },
        isStopped: () => this.#isClosed,
        // What others have deferred is known only when the store has been looked at.
        onKnown: () => (this.#shared ? undefined : this.#known()),
      });
      if (marked !== undefined) await this.#shared?.lookedAt(marked);
      this.#known();
      this.#watch.begin();
    } catch {
      // The store is away: whoever writes to it says so.
      if (this.#isClosed) return;
      this.#cancelRecovery = this.#clock.schedule(RECOVER_AGAIN_MS, () => this.start());
    }
  }

  /** O4. */
  async #askOthers(key: string, shared: SharedKeys): Promise<'open' | 'fenced'> {
    const answer: Answer = await shared.ask(key);
    if (answer.state === 'away') return 'fenced';
    if (answer.state === 'forgot') {
      this.#forgot();
      return this.#holdUnsure(key);
    }
    const place = answer.ref === undefined ? undefined : placeOf(answer.ref);
    if (answer.ref === undefined || place === undefined) return 'open';
    this.#backlog.stored([{ ...place, ref: answer.ref, orderingKeys: [key] }]);
    this.#watch.begin();
    return this.enter(key) ?? 'open';
  }

  /** Marks were lost: the store is looked at again before any key is open. */
  #forgot(): void {
    if (!this.#isKnown) return;
    this.#isKnown = false;
    this.#isUnsureInVain = false;
    this.start();
  }

  #known(): void {
    this.#isKnown = true;
    for (const wake of [...this.#unsure]) wake();
  }

  #holdUnsure(key: string): Promise<'open' | 'fenced'> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#unsure.delete(done);
        this.#isUnsureInVain = !this.#isKnown;
        resolve(this.#isKnown ? (this.enter(key) ?? OPEN) : 'fenced');
      };
      const cancel = this.#clock.schedule(this.#holdMsMax, done, { keepAlive: true });
      this.#unsure.add(done);
    });
  }

  /** O3. */
  #mayHold(key: string): boolean {
    const now = this.#clock.now();
    if (this.#holdMsMax === 0 || now < (this.#patience.get(key)?.untilMs ?? 0)) return false;
    const lanes = this.#backlog.lanesOf(key);
    const settled = lanes.map((lane) => this.#settledMs.get(lane) ?? Number.NEGATIVE_INFINITY);
    return now - Math.min(this.#lastSettledMs, ...settled) <= DRAINING_MS;
  }

  #hold(key: string): Promise<'open' | 'fenced'> {
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(
        this.#holdMsMax,
        () => {
          this.#held.delete(key);
          this.#wasInVain(key);
          resolve('fenced');
        },
        { keepAlive: true },
      );
      this.#held.set(key, () => {
        cancel();
        this.#held.delete(key);
        resolve('open');
      });
      this.#options.hurry();
      this.#watch.hurry();
    });
  }

  #wasInVain(key: string): void {
    const failures = (this.#patience.get(key)?.failures ?? 0) + 1;
    const waitMs = Math.min(IN_VAIN_MAX_MS, IN_VAIN_MS * 2 ** (failures - 1));
    this.#patience.set(key, { failures, untilMs: this.#clock.now() + waitMs });
  }

  #opened(key: string, ref: string | undefined): void {
    if (ref !== undefined) this.#shared?.remove(key, ref);
    this.#patience.delete(key);
    this.#forgettable.add(key);
    this.#cancelForgetting ??= this.#clock.schedule(FORGET_EVERY_MS, () => void this.#forget());
    this.#held.get(key)?.();
  }

  /** What stays in the memory only closes a key for longer after a restart. */
  async #forget(): Promise<void> {
    this.#cancelForgetting = undefined;
    if (this.#forgettable.size === 0) return;
    const keys = [...this.#forgettable];
    this.#forgettable.clear();
    await this.#options.memory
      .forget(() => keys.filter((key) => !this.#backlog.isClosed(key)))
      .catch(() => undefined);
  }
}

function placed(object: Omit<StoredKeys, 'order'>): StoredKeys {
  return { ...object, order: placeOf(object.ref)?.order ?? 0 };
}
