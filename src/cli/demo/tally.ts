/**
 * What the storyteller knows while the writer works, from what the writer tells.
 *
 * T1 a batch that is submitted again after a restart is the same batch: its last receipt counts, once. T2 every
 * record that was taken in is in exactly one number of the last point of the timeline.
 */
import type { LossReport } from '../../core/loss.ts';
import { emptyLoss, mergeLoss } from '../../core/loss.ts';
import type { TimelinePoint } from '../report.ts';
import type { ReceiptMessage, WriterMessage } from './messages.ts';
import type { Phase } from './plan.ts';

export interface StoredObject {
  readonly chain: string;
  readonly ref: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface Counts {
  readonly records: number;
  readonly delivered: number;
  readonly degraded: number;
  readonly deferred: number;
  readonly rejected: number;
}

const NOTHING: Counts = { records: 0, delivered: 0, degraded: 0, deferred: 0, rejected: 0 };

/** A type, not an interface: it is shown as the row of a table. */
export type Settled = Readonly<Record<'delivered' | 'degraded' | 'alreadyHeld' | 'quarantined', number>>;

const NOTHING_SETTLED: Settled = { delivered: 0, degraded: 0, alreadyHeld: 0, quarantined: 0 };

export class Tally {
  readonly #receipts = new Map<string, ReceiptMessage>();
  readonly #losses = new Map<string, LossReport>();
  readonly #timeline: TimelinePoint[] = [];
  #counts = NOTHING;
  #settled = NOTHING_SETTLED;
  /** Objects of raw rows that wait for replay, in the order they were stored. */
  readonly objects: StoredObject[] = [];
  /** Circuits that opened, as `chain/tier`. */
  readonly circuits = new Set<string>();
  /** Records of batches that were acknowledged twice. */
  resubmitted = 0;

  hear(message: WriterMessage, atMs: number): void {
    if (message.type === 'receipt') this.#takeReceipt(message);
    if (message.type === 'degraded') this.#losses.set(`${message.chain}:${message.batchKey}`, message.loss);
    if (message.type === 'settled') this.#settled = add(this.#settled, message);
    if (message.type === 'stored' && !message.ref.startsWith('heal/')) this.objects.push(message);
    if (message.type === 'circuit' && message.circuit === 'open')
      this.circuits.add(`${message.chain}/${message.tier}`);
    if (message.type === 'receipt' || message.type === 'settled') this.#timeline.push(this.#point(atMs));
  }

  /** A batch counts with its last receipt. */
  get receipts(): readonly ReceiptMessage[] {
    return [...this.#receipts.values()];
  }

  counts(select: (receipt: ReceiptMessage) => boolean): Counts {
    return this.receipts.filter(select).reduce((sum, receipt) => add(sum, receipt), NOTHING);
  }

  inPhase(phase: Phase): Counts {
    return this.counts((receipt) => receipt.phase === phase);
  }

  /** Rows that replay put into the sink, found there, or set aside. */
  get settled(): Settled {
    return this.#settled;
  }

  /** Every cell that was changed on its way into the sink, live or in replay. */
  loss(): LossReport {
    return [...this.#losses.values()].reduce(mergeLoss, emptyLoss);
  }

  /** Adds a point for a moment in which nothing was told. */
  mark(atMs: number): void {
    this.#timeline.push(this.#point(atMs));
  }

  get timeline(): readonly TimelinePoint[] {
    return this.#timeline;
  }

  #takeReceipt(receipt: ReceiptMessage): void {
    const key = `${receipt.feed}@${receipt.endOffset}`;
    const known = this.#receipts.get(key);
    if (known) this.resubmitted += known.records;
    this.#receipts.set(key, receipt);
    this.#counts = this.counts(() => true);
  }

  #point(atMs: number): TimelinePoint {
    const { delivered, degraded, deferred, rejected } = this.#counts;
    // A row that was stored twice across the kill is settled twice, and is still one record.
    const quarantined = Math.min(this.#settled.quarantined, deferred);
    const { delivered: landed, degraded: changed, alreadyHeld } = this.#settled;
    const replayed = Math.min(landed + changed + alreadyHeld, deferred - quarantined);
    return {
      atMs,
      delivered,
      degraded,
      replayed,
      deferred: deferred - replayed - quarantined,
      quarantined,
      rejected,
    };
  }
}

/** Sums the fields that `sum` has. */
function add<T extends Readonly<Record<string, number>> | Counts>(
  sum: T,
  more: { readonly [K in keyof T]: number },
): T {
  const entries = Object.entries(sum) as [keyof T, number][];
  return Object.fromEntries(entries.map(([name, value]) => [name, value + more[name]])) as T;
}
