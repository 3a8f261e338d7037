/**
 * A real sink with controls in front of it: down, slow, forgetful or picky on command. Deterministic; has no
 * timers and no chance.
 *
 * K1 a request passes the controls in one order: hold, down, failNext, rowsMax, refuseKeys, the sink. K2 a
 * request that is refused whole leaves the sink untouched, unless it was told to be `applied`.
 */
import { SinkError } from '../core/errors.ts';
import type { Residue } from '../core/outcome.ts';
import type { Reason } from '../core/reason.ts';
import type { Sink, UpgradeRequest, UpgradeResult, WriteRequest, WriteResult } from '../sinks/sink.ts';
import { Gate } from './gate.ts';
import { selectPositions } from './write-request.ts';

export interface FlakySinkOptions {
  /** A request with more rows is `too-large`. @default no limit */
  readonly rowsMax?: number;
  /** Whether one refused key fails the whole request without saying which, as many targets do. @default false */
  readonly opaqueRefusals?: boolean;
}

export interface FailOptions {
  /** Writes first and fails then: the lost reply. @default false */
  readonly applied?: boolean;
  /** The sink's wish, milliseconds. */
  readonly retryAfterMs?: number;
}

export interface FlakySink extends Sink {
  /** Calls of `write`, whatever came of them. */
  readonly requests: number;
  /** Rows of all requests together. */
  readonly rowsRequested: number;
  /** Calls of `upgrade`; `down` and `failNext` hold for them too. */
  readonly upgrades: number;
  /** Calls of `reset`. */
  readonly resets: number;
  /** Requests that wait for `release`. */
  readonly held: number;
  /** The next `times` (1) requests throw `reason`; calls add up, first in first out. */
  failNext(reason: Reason, times?: number, options?: FailOptions): void;
  /** Requests wait from now on; one that is aborted meanwhile throws `ambiguous` and is not applied. */
  hold(): void;
  /** Lets all waiting requests go on, in order. */
  release(): void;
  /** Resolves once at least `count` requests wait. */
  whenHeld(count: number): Promise<void>;
  /** Every write and lookup throws `reason` until `up`. */
  down(reason: Reason): void;
  up(): void;
  /** Rows whose key matches are `refused`; undefined refuses none. */
  refuseKeys(matches: ((key: string) => boolean) | undefined): void;
}

/** Wraps `inner`; with no control touched it behaves as `inner` does. */
export function flakySink(inner: Sink, options: FlakySinkOptions = {}): FlakySink {
  const sink = new ControlledSink(inner, options);
  // A capability that `inner` lacks must be absent here too.
  for (const name of ['lookup', 'upgrade'] as const) {
    if (inner[name] === undefined) Object.defineProperty(sink, name, { value: undefined });
  }
  return sink;
}

interface Failure extends FailOptions {
  readonly reason: Reason;
}

class ControlledSink implements FlakySink {
  requests = 0;
  rowsRequested = 0;
  resets = 0;
  upgrades = 0;
  readonly #inner: Sink;
  readonly #options: FlakySinkOptions;
  readonly #failures: Failure[] = [];
  readonly #gate = new Gate();
  #down: Reason | undefined;
  #refuses: ((key: string) => boolean) | undefined;

  constructor(inner: Sink, options: FlakySinkOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get name(): string {
    return this.#inner.name;
  }

  get accepts(): Sink['accepts'] {
    return this.#inner.accepts;
  }

  get idempotent(): boolean {
    return this.#inner.idempotent;
  }

  get settlesOnAbort(): boolean {
    return this.#inner.settlesOnAbort ?? false;
  }

  get held(): number {
    return this.#gate.held;
  }

  failNext(reason: Reason, times = 1, options: FailOptions = {}): void {
    for (let i = 0; i < times; i += 1) this.#failures.push({ reason, ...options });
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

  down(reason: Reason): void {
    this.#down = reason;
  }

  up(): void {
    this.#down = undefined;
  }

  refuseKeys(matches: ((key: string) => boolean) | undefined): void {
    this.#refuses = matches;
  }

  async write(request: WriteRequest): Promise<WriteResult | undefined> {
    this.requests += 1;
    this.rowsRequested += request.keys.length;
    if (this.#gate.isHolding) await this.#wait(request.signal);
    this.#checkUp();
    await this.#failIfTold(request);
    const { rowsMax = Number.POSITIVE_INFINITY } = this.#options;
    if (request.keys.length > rowsMax) {
      throw new SinkError('too-large', `${this.name}: ${request.keys.length} rows, the limit is ${rowsMax}`);
    }
    return this.#writePicky(request);
  }

  async upgrade(request: UpgradeRequest): Promise<UpgradeResult> {
    this.upgrades += 1;
    this.#checkUp();
    const failure = this.#failures.shift();
    const upgrade = async (): Promise<UpgradeResult> => {
      const result = await this.#inner.upgrade?.(request);
      return result ?? { residue: [], superseded: [], absent: [] };
    };
    if (!failure) return upgrade();
    if (failure.applied) await upgrade();
    throw new SinkError(failure.reason, `${this.name}: told to fail`);
  }

  async lookup(keys: readonly string[]): Promise<ReadonlySet<string>> {
    this.#checkUp();
    return (await this.#inner.lookup?.(keys)) ?? new Set();
  }

  async reset(): Promise<void> {
    this.resets += 1;
    await this.#inner.reset?.();
  }

  async close(): Promise<void> {
    await this.#inner.close?.();
  }

  #checkUp(): void {
    if (this.#down !== undefined) throw new SinkError(this.#down, `${this.name} is down`);
  }

  async #failIfTold(request: WriteRequest): Promise<void> {
    const failure = this.#failures.shift();
    if (failure === undefined) return;
    if (failure.applied) await this.#inner.write(request);
    const { retryAfterMs } = failure;
    const words = `${this.name} was told to fail: ${failure.reason}`;
    throw new SinkError(failure.reason, words, retryAfterMs === undefined ? {} : { retryAfterMs });
  }

  async #writePicky(request: WriteRequest): Promise<WriteResult | undefined> {
    const refused: number[] = [];
    const taken: number[] = [];
    for (const [position, key] of request.keys.entries())
      (this.#refuses?.(key) ? refused : taken).push(position);
    if (refused.length === 0) return this.#inner.write(request);
    const detail = `${this.name} refuses ${this.#options.opaqueRefusals ? 'the request' : 'the key'}`;
    if (this.#options.opaqueRefusals) throw new SinkError('refused', detail);
    const rest = taken.length === 0 ? undefined : await this.#inner.write(selectPositions(request, taken));
    const { rows } = selectPositions(request, refused);
    const residue: Residue = { rows: taken.length === 0 ? request.rows : rows, reason: 'refused', detail };
    return { residue: [residue, ...(rest?.residue ?? [])] };
  }

  #wait(signal: AbortSignal): Promise<void> {
    const words = `${this.name}: aborted while it was held`;
    return this.#gate.wait(signal, (cause) => new SinkError('ambiguous', words, { cause }));
  }
}
