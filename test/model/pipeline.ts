/**
 * The whole preset on a simulated disk: real engine, journal, packer, store, queue and worker; only the disk under
 * journal and store, the clock, and the sink are simulated. SQLite keeps its two files (lock, queue) on a real one.
 *
 * P1 a process that was cut off cannot reach the sink any more. P2 `acknowledged` holds exactly the rows whose receipt
 * came before that.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFallback, type Fallback } from '../../src/assembly/fallback.ts';
import type { BatchInput } from '../../src/core/batch.ts';
import { ChainExhaustedError, StorageError } from '../../src/core/errors.ts';
import { batchKey } from '../../src/core/keys.ts';
import type { Receipt } from '../../src/core/outcome.ts';
import { rowIndices } from '../../src/core/row-set.ts';
import { Field, Int32, Schema, Utf8 } from '../../src/schema/arrow.ts';
import { type MemorySink, memorySink } from '../../src/sinks/memory-sink.ts';
import { type FlakySink, flakySink } from '../../src/testing/flaky-sink.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { meteredDisk } from './metered-disk.ts';

const SCHEMA = new Schema([new Field('id', new Utf8(), false), new Field('n', new Int32(), true)]);
const STEP_MS = 100;
const STEPS_MAX = 20_000;

/** Batch `number` of `rows` rows: every third value has drifted to a text that coerces, every eleventh to one that does not. */
export function modelBatch(number: number, rows: number): BatchInput {
  const lines = Array.from({ length: rows }, (_, row) => {
    const kind = number * 7 + row;
    const n = kind % 11 === 5 ? '"eleven"' : kind % 3 === 1 ? `"${kind}"` : kind;
    return `{"id":"${number}/${row}","n":${n}}`;
  });
  return { id: `b${number}`, format: 'ndjson', orderingKey: `k${number % 2}`, body: `${lines.join('\n')}\n` };
}

export class Pipeline {
  readonly clock = new ManualClock();
  readonly held: MemorySink = memorySink({ accepts: 'columns' });
  /** Keys of rows that a receipt spoke for. */
  readonly acknowledged = new Set<string>();
  /** Keys of rows that were ever submitted. */
  readonly submitted = new Set<string>();
  /** Rows that nobody took: the caller's again. */
  rejectedRows = 0;
  readonly random: () => number;
  #fs = new MemoryFileSystem();
  readonly #directory: string;
  #sink: FlakySink;
  #fallback: Fallback | undefined;
  #operationsLeft: number | undefined;
  #down: 'unavailable' | 'ambiguous' | undefined;
  #refuses: ((key: string) => boolean) | undefined;

  constructor(random: () => number) {
    this.random = random;
    this.#directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tierfall-model-'));
    mkdirSync(join(this.#directory, 'journal'));
    this.#sink = flakySink(this.held);
  }

  get fallback(): Fallback {
    if (!this.#fallback) throw new Error('the pipeline is not open');
    return this.#fallback;
  }

  get disk(): MemoryFileSystem {
    return this.#fs;
  }

  /** A disk that was told to fail may refuse to open, in words; once it works again it must. */
  async open(): Promise<void> {
    this.#fallback = await this.until(this.#start()).catch((error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
      this.#fs.clearFailures();
      return this.until(this.#start());
    });
  }

  #start(): Promise<Fallback> {
    const process = flakySink(this.held);
    this.#sink = process;
    this.setDown(this.#down);
    this.setRefusal(this.#refuses);
    return createFallback({
      dir: this.#directory,
      sink: process,
      schema: SCHEMA,
      fs: meteredDisk(this.#fs, this.#tickOf(process), () => process !== this.#sink),
      clock: this.clock,
      random: this.random,
    });
  }

  setDown(reason: 'unavailable' | 'ambiguous' | undefined): void {
    this.#down = reason;
    if (reason) this.#sink.down(reason);
    else this.#sink.up();
  }

  setRefusal(refuses: ((key: string) => boolean) | undefined): void {
    this.#refuses = refuses;
    this.#sink.refuseKeys(refuses);
  }

  /** The next write lands and its answer is lost. */
  dropNextReply(): void {
    this.#sink.failNext('ambiguous', 1, { applied: true });
  }

  async submit(numbers: readonly number[], rows: number): Promise<void> {
    await this.until(Promise.all(numbers.map((number) => this.#submit(number, rows))));
  }

  async #submit(number: number, rows: number): Promise<void> {
    const input = modelBatch(number, rows);
    const key = batchKey('default', input.id, new Uint8Array());
    for (let row = 0; row < rows; row += 1) this.submitted.add(`${key}-${row}`);
    const process = this.#sink;
    const receipt = await this.fallback.submit(input).catch((error: unknown) => {
      if (error instanceof ChainExhaustedError) return error.receipt;
      // A process that was cut off says nothing; a living one may fail in no other way.
      if (process === this.#sink) throw error;
      return undefined;
    });
    if (receipt && process === this.#sink) this.#note(receipt, key);
  }

  #note(receipt: Receipt, key: string): void {
    const lost = new Set(receipt.rejections.flatMap(({ rows }) => rowIndices(rows, receipt.records)));
    this.rejectedRows += receipt.rejected;
    if (receipt.batchKey !== key || lost.size !== receipt.rejected)
      throw new Error('the receipt names other rows');
    for (let row = 0; row < receipt.records; row += 1)
      if (!lost.has(row)) this.acknowledged.add(`${key}-${row}`);
  }

  /** Cuts the power before the disk's operation `operations` of whatever `doing` does, or after it. */
  async cutDuring(doing: () => Promise<unknown>, operations: number): Promise<void> {
    const dead = this.#fallback;
    this.#operationsLeft = operations;
    const process = this.#sink;
    await this.until(doing().catch(() => undefined));
    if (process === this.#sink) this.#cut();
    this.#operationsLeft = undefined;
    this.#fallback = undefined;
    // Only frees the lock, as its death would.
    if (dead) await this.until(dead.close().catch(() => undefined));
  }

  /** Power is cut once more while what the first cut left is being opened. */
  async cutWhileOpening(operations: number): Promise<void> {
    await this.cutDuring(async () => undefined, 0);
    await this.cutDuring(async () => {
      const opened = await this.#start();
      await opened.close();
    }, operations);
  }

  /** P1: from here on nothing of the old process reaches disk or sink. */
  #cut(): void {
    this.#sink.down('unavailable');
    this.#sink = flakySink(this.held);
    this.#fs = this.#fs.crash(this.random);
  }

  #tickOf(process: FlakySink): () => void {
    return () => {
      if (this.#operationsLeft === undefined || process !== this.#sink) return;
      this.#operationsLeft -= 1;
      if (this.#operationsLeft < 0) this.#cut();
    };
  }

  async close(): Promise<void> {
    await this.until(this.fallback.close());
    this.#fallback = undefined;
  }

  /** Only while closed. */
  wipeQueue(): void {
    for (const end of ['', '-wal', '-shm']) rmSync(join(this.#directory, `state.db${end}`), { force: true });
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Moves time on until `promise` settles. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    for (let step = 0; !isSettled; step += 1) {
      if (step > STEPS_MAX) throw new Error('nothing moves any more');
      await this.clock.advance(step < 50 ? 1 : STEP_MS);
    }
    return settled;
  }
}
