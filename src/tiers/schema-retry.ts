/**
 * Tier 1, schema-aware retry: what it does depends on why the rows came.
 *
 * R1 identical bytes are never sent again after a schema failure: only rows that pass a newer schema are.
 * R2 keys stay the same for every attempt; only the attempt id rotates. R3 an `ambiguous` write is read
 * back when the sink can, so that rows it holds are not sent again; without idempotent keys nothing is sent
 * before the sink has answered. R4 requests are bounded in number, and whatever is asked is in time.
 */
import type { Outcome, Residue } from '../core/outcome.ts';
import { isPassing, SINK_REASONS, type SinkReason } from '../core/reason.ts';
import { countRows, type RowSet, rowIndices, subtractRows } from '../core/row-set.ts';
import { heldRows } from '../diff/missing.ts';
import type { CompiledSchema } from '../schema/compile-schema.ts';
import type { SchemaRegistry } from '../schema/declare/registry.ts';
import { recordKeys } from '../schema/record-keys.ts';
import { asCompiledSchema, type SchemaLike } from '../schema/schema-like.ts';
import type { Sink } from '../sinks/sink.ts';
import { bisectRefused } from './bisect.ts';
import { NewestSchema } from './newest-schema.ts';
import { type PatienceOptions, retryPatiently } from './retry-patiently.ts';
import { send } from './send.ts';
import type { Tier, TierContext, Work } from './tier.ts';
import { hasRows, prepareStrictly } from './write-request.ts';

export interface SchemaRetryOptions extends PatienceOptions {
  readonly sink: Sink;
  readonly schema?: SchemaLike;
  /** Asked for a newer schema when rows do not fit the one at hand. */
  readonly registry?: SchemaRegistry;
  /** Requests per batch, waits and bisection included. @default 500 */
  readonly requestsMax?: number;
}

const REQUESTS_MAX = 500;
const PATIENCE_MS = 10_000;

export function schemaRetry(options: SchemaRetryOptions): Tier<SinkReason> {
  const fixed = options.schema === undefined ? undefined : asCompiledSchema(options.schema);
  const newest = options.registry && new NewestSchema(options.registry, fixed);
  let context: TierContext | undefined;
  return {
    kind: 'schema-retry',
    reasons: SINK_REASONS,
    lands: 'delivered',
    amplification: 4,
    async open(given) {
      context = given;
    },
    run(work) {
      if (!context) throw new Error('schema-retry runs only in an opened engine');
      return new Retry(work, options, fixed, newest, context).run();
    },
  };
}

/** One batch's retries. */
class Retry {
  readonly #work: Work;
  readonly #options: SchemaRetryOptions;
  readonly #sink: Sink;
  readonly #context: TierContext;
  readonly #newest: NewestSchema | undefined;
  #schema: CompiledSchema | undefined;
  /** Whether `#schema` came from the registry: what fails it, fails for good. */
  #isNewest = false;
  #requests = 0;

  constructor(
    work: Work,
    options: SchemaRetryOptions,
    schema: CompiledSchema | undefined,
    newest: NewestSchema | undefined,
    context: TierContext,
  ) {
    this.#work = work;
    this.#options = options;
    this.#sink = options.sink;
    this.#schema = schema;
    this.#newest = newest;
    this.#context = context;
  }

  async run(): Promise<Outcome> {
    const residue: Residue[] = [];
    for (const cause of this.#work.cause) residue.push(...(await this.#mend(cause, false)));
    return { residue, attempts: this.#requests };
  }

  /**
   * What is left of `cause` after everything that its reason calls for.
   * @param isOwn whether a request of this retry revealed it
   */
  async #mend(cause: Residue, isOwn: boolean): Promise<readonly Residue[]> {
    if (this.#requests >= (this.#options.requestsMax ?? REQUESTS_MAX)) return [cause];
    switch (cause.reason) {
      case 'schema-mismatch':
      case 'beyond-tolerance':
        return isOwn && this.#isNewest ? [cause] : this.#withNewerSchema(cause);
      case 'too-large':
        return this.#halve(cause);
      case 'refused':
        return cause.whole ? this.#bisect(cause) : [cause];
      default:
        return isPassing(cause.reason) ? this.#patiently(cause) : [cause];
    }
  }

  async #withNewerSchema(cause: Residue): Promise<readonly Residue[]> {
    if (!this.#isNewest) {
      const refusal = await this.#takeNewest();
      if (refusal !== undefined) return [{ ...cause, detail: `${cause.detail ?? cause.reason} (${refusal})` }];
    }
    return this.#mendAll(await this.#send(cause.rows));
  }

  /** @returns why there is no newer schema, or undefined when it is in place */
  async #takeNewest(): Promise<string | undefined> {
    const newest = this.#newest;
    if (!newest) return 'no registry to ask for a newer schema';
    try {
      const schema = await this.#inTime(() => newest.get(this.#work.signal));
      if (!schema || schema.fingerprint === this.#schema?.fingerprint) return 'no newer schema';
      this.#schema = schema;
      this.#isNewest = true;
      return undefined;
    } catch (error) {
      return `no newer schema: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  async #halve(cause: Residue): Promise<readonly Residue[]> {
    const rows = rowIndices(cause.rows, this.#work.batch.rowCount);
    if (rows.length < 2) return [cause];
    const middle = Math.ceil(rows.length / 2);
    const first = await this.#mendAll(await this.#send(rows.slice(0, middle)));
    return [...first, ...(await this.#mendAll(await this.#send(rows.slice(middle))))];
  }

  async #bisect(cause: Residue): Promise<readonly Residue[]> {
    const rows = rowIndices(cause.rows, this.#work.batch.rowCount);
    const { judged, rest } = await bisectRefused(rows, cause.detail, (some) => this.#send(some));
    return [...judged, ...(await this.#mendAll(rest))];
  }

  async #patiently(cause: Residue): Promise<readonly Residue[]> {
    const left = await retryPatiently(
      cause,
      (residue) => this.#again(residue),
      ({ reason }) =>
        reason === 'unavailable' || reason === 'throttled' || reason === 'ambiguous' || reason === 'crashed',
      {
        clock: this.#context.clock,
        random: this.#context.random,
        rowCount: this.#work.batch.rowCount,
        wait: (delayMs) => this.#work.wait(delayMs),
        retrying: (residue, delayMs) => this.#announce(residue, delayMs),
      },
      this.#options,
    );
    return this.#mendAll(
      left.filter(({ reason }) => !isPassing(reason)),
      left.filter(({ reason }) => isPassing(reason)),
    );
  }

  async #again(residue: Residue): Promise<readonly Residue[]> {
    // Fresh connections are a help, not a condition: the write will tell.
    if (residue.reason !== 'throttled') await this.#inTime(async () => this.#sink.reset?.()).catch(() => {});
    if (residue.reason !== 'ambiguous' || !this.#sink.lookup) return this.#sendSome(residue.rows);
    try {
      return await this.#sendSome(await this.#withoutHeld(residue.rows, this.#sink.lookup.bind(this.#sink)));
    } catch (error) {
      // Without idempotent keys only the sink's word keeps a second write harmless.
      if (this.#sink.idempotent) return this.#sendSome(residue.rows);
      return [
        { ...residue, detail: `not read back: ${error instanceof Error ? error.message : String(error)}` },
      ];
    }
  }

  async #sendSome(rows: RowSet): Promise<readonly Residue[]> {
    return countRows(rows, this.#work.batch.rowCount) === 0 ? [] : this.#send(rows);
  }

  /** Rows that the sink does not hold yet, those included that cannot be sent. @throws what the sink throws */
  async #withoutHeld(rows: RowSet, lookup: NonNullable<Sink['lookup']>): Promise<RowSet> {
    const { batch } = this.#work;
    const { payload } = await prepareStrictly(batch, rows, this.#sink, this.#schema);
    const sendable = rowIndices(payload.rows, batch.rowCount);
    const keys = recordKeys(payload.columns, batch, payload.rows);
    const held = await this.#work.call(() => lookup(keys));
    return subtractRows(rows, heldRows(sendable, keys, held), batch.rowCount);
  }

  /** What `ask` gives, or a failure when that takes longer than there is patience; not every port promises to answer. */
  #inTime<T>(ask: () => Promise<T>): Promise<T> {
    const limitMs = this.#options.patienceMs ?? PATIENCE_MS;
    return new Promise((resolve, reject) => {
      const tooLate = (): void => reject(new Error(`no answer within ${limitMs} ms`));
      const cancel = this.#context.clock.schedule(limitMs, tooLate, { keepAlive: true });
      (async () => ask())().then(resolve, reject).finally(cancel);
    });
  }

  /** Mends what a failed request revealed, one level further; `settled` passes through. */
  async #mendAll(left: readonly Residue[], settled: readonly Residue[] = []): Promise<readonly Residue[]> {
    const mended: Residue[] = [...settled];
    for (const residue of left) mended.push(...(await this.#mend(residue, true)));
    return mended;
  }

  async #send(rows: RowSet): Promise<readonly Residue[]> {
    const { batch } = this.#work;
    this.#requests += 1;
    if (this.#requests > (this.#options.requestsMax ?? REQUESTS_MAX)) {
      return [
        { rows, reason: 'unavailable', detail: `gave up after ${this.#requests - 1} requests`, whole: true },
      ];
    }
    const { payload, residue } = await prepareStrictly(batch, rows, this.#sink, this.#schema);
    if (!hasRows(payload, batch)) return residue;
    return [...residue, ...(await send(this.#work, this.#sink, payload))];
  }

  #announce({ reason }: Residue, delayMs: number): void {
    const { chain, tier, emit } = this.#context;
    emit('callRetried', {
      chain,
      batchId: this.#work.batch.key,
      tier,
      attempts: this.#requests,
      reason,
      delayMs,
    });
  }
}
