/**
 * From objects to outages. An outage is an episode of deferrals: objects whose times of receipt lie within a gap of each
 * other. It is made of what the objects say and nothing else, so everybody who knows the same objects makes the same
 * outages of them, in whatever order they come.
 *
 * G1 each object is in one outage. G2 outages of one set lie more than the gap apart. G3 counts are the sums of those of
 * the objects; digests are over those of the objects' key sets, so they are equal only if each pair of sets is.
 * An object is not cut: one that was filled over a pause makes one outage of what lies before and behind it.
 */
import { sha256 } from '../../core/keys.ts';
import { type Deferral, hourSpan, isoOf } from '../deferral.ts';
import type { Proof, Settlement } from '../settlement.ts';

/** @default of every option named `gapMs` */
export const OUTAGE_GAP_MS = 600_000;
/** Missing keys that are listed; all are counted. */
export const OUTAGE_MISSING_MAX = 100;

/** What became of the rows of an object, or of all objects of an outage. */
export interface OutageCounts {
  readonly rows: number;
  readonly delivered: number;
  readonly degraded: number;
  /** Rows the sink held already when replay came to them. */
  readonly alreadyHeld: number;
  readonly quarantined: number;
  readonly discarded: number;
  readonly pending: number;
}

/** An object as an outage counts it. */
export interface DeferredObject extends OutageCounts {
  readonly ref: string;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Its times are known to the hour only. */
  readonly isApproximate: boolean;
  readonly reasons: Readonly<Record<string, number>>;
  /** Undefined until it is settled. */
  readonly settledMs: number | undefined;
  readonly proof: Proof | undefined;
  /** Keys the sink lacked when it was last asked. */
  readonly missing: readonly string[];
}

/**
 * `equal`: the sink held every key of every object. `receipt`: nothing is missing, but for some objects the sink could not
 * be asked and its answers to the writes are all there is. `pending`: not everything is settled. `missing`: keys are.
 */
export type OutageVerdict = 'equal' | 'receipt' | 'pending' | 'missing';

export interface Outage extends OutageCounts {
  /** When the first of its batches was accepted; ISO 8601, UTC. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly durationMs: number;
  /** Some of its times are known to the hour only. */
  readonly isApproximate: boolean;
  readonly objects: number;
  /** Rows by the reason they were deferred for. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly verdict: OutageVerdict;
  /** Different keys of each object, summed: a key in two objects counts twice. Null when some object does not say. */
  readonly keys: number | null;
  /** SHA-256 over the objects and the digests of the keys that should be in the sink; null until all are settled. */
  readonly sourceDigest: string | null;
  /** The same over the digests of the keys the sink held; null when it could not be asked for all. */
  readonly sinkDigest: string | null;
  readonly missing: { readonly total: number; readonly keys: readonly string[] };
  /** When the last object was settled; null while one is open. */
  readonly completedAt: string | null;
  /** From the last deferral to the last settlement. */
  readonly replayLagMs: number | null;
}

/** An outage with the objects it is made of, by key. */
export interface Episode {
  readonly outage: Outage;
  readonly objects: readonly DeferredObject[];
}

/** The time an object covers; undefined when neither its settlement nor its name tells. */
export function spanOf(
  ref: string,
  deferral: Partial<Deferral> | undefined,
): Pick<DeferredObject, 'firstMs' | 'lastMs' | 'isApproximate' | 'reasons'> | undefined {
  const { firstReceivedAt, lastReceivedAt, reasons = {} } = deferral ?? {};
  if (firstReceivedAt !== undefined && lastReceivedAt !== undefined) {
    const [firstMs, lastMs] = [Date.parse(firstReceivedAt), Date.parse(lastReceivedAt)];
    return { firstMs, lastMs: Math.max(firstMs, lastMs), isApproximate: false, reasons };
  }
  const hour = hourSpan(ref);
  return hour && { ...hour, isApproximate: true, reasons };
}

/** A settled object by its settlement alone. */
export function settledObject(settlement: Settlement): DeferredObject | undefined {
  const { ref, rows, delivered, degraded, alreadyHeld, quarantined, proof, settledAt } = settlement;
  const span = spanOf(ref, settlement);
  const counts = { rows, delivered, degraded, alreadyHeld, quarantined, discarded: 0, pending: 0 };
  return span && { ref, ...span, ...counts, settledMs: Date.parse(settledAt), proof, missing: proof.missing };
}

/** G1, G2. @returns outages by their start */
export function findOutages(objects: readonly DeferredObject[], gapMs: number = OUTAGE_GAP_MS): Episode[] {
  const byStart = objects.toSorted((a, b) => a.firstMs - b.firstMs || compareText(a.ref, b.ref));
  const groups: DeferredObject[][] = [];
  let endMs = Number.NEGATIVE_INFINITY;
  for (const object of byStart) {
    const last = groups.at(-1);
    if (last && object.firstMs - endMs <= gapMs) last.push(object);
    else groups.push([object]);
    endMs = Math.max(endMs, object.lastMs);
  }
  return groups.map((group) => {
    const byKey = group.toSorted((a, b) => compareText(a.ref, b.ref));
    return { outage: describeOutage(byKey), objects: byKey };
  });
}

function describeOutage(objects: readonly DeferredObject[]): Outage {
  const startMs = objects.reduce((least, { firstMs }) => Math.min(least, firstMs), Number.POSITIVE_INFINITY);
  const endMs = objects.reduce((most, { lastMs }) => Math.max(most, lastMs), 0);
  const missing = objects.flatMap((object) => object.missing).sort();
  const isSettled = objects.every(({ settledMs }) => settledMs !== undefined);
  const completedMs = objects.reduce((most, { settledMs = 0 }) => Math.max(most, settledMs), 0);
  const sourceDigest = isSettled ? digestBy(objects, ({ sourceDigest: digest }) => digest) : null;
  const sinkDigest = isSettled ? digestBy(objects, ({ sinkDigest: digest }) => digest) : null;
  return {
    startedAt: isoOf(startMs),
    endedAt: isoOf(endMs),
    durationMs: endMs - startMs,
    isApproximate: objects.some(({ isApproximate }) => isApproximate),
    objects: objects.length,
    ...sumCounts(objects),
    reasons: sumReasons(objects),
    verdict: judge(objects, { missing: missing.length, isSettled, sourceDigest, sinkDigest }),
    keys: sumKeys(objects),
    sourceDigest,
    sinkDigest,
    missing: { total: missing.length, keys: missing.slice(0, OUTAGE_MISSING_MAX) },
    completedAt: isSettled ? isoOf(completedMs) : null,
    replayLagMs: isSettled ? Math.max(0, completedMs - endMs) : null,
  };
}

interface Evidence {
  readonly missing: number;
  readonly isSettled: boolean;
  readonly sourceDigest: string | null;
  readonly sinkDigest: string | null;
}

function judge(
  objects: readonly DeferredObject[],
  { missing, isSettled, sourceDigest, sinkDigest }: Evidence,
): OutageVerdict {
  const differs = objects.some(
    ({ proof }) => proof && proof.sinkDigest !== null && proof.sinkDigest !== proof.sourceDigest,
  );
  if (missing > 0 || differs) return 'missing';
  if (!isSettled) return 'pending';
  return sourceDigest === sinkDigest ? 'equal' : 'receipt';
}

/** Null when one of the digests is. */
function digestBy(
  objects: readonly DeferredObject[],
  digestOf: (proof: Proof) => string | null,
): string | null {
  const digests = objects.map(({ ref, proof }): [string, string | null] => [
    ref,
    proof ? digestOf(proof) : null,
  ]);
  if (digests.some(([, digest]) => digest === null)) return null;
  return sha256(Buffer.from(JSON.stringify(digests)));
}

function sumCounts(objects: readonly OutageCounts[]): OutageCounts {
  const sum = { rows: 0, delivered: 0, degraded: 0, alreadyHeld: 0, quarantined: 0, discarded: 0, pending: 0 };
  for (const object of objects) {
    for (const name of Object.keys(sum) as (keyof OutageCounts)[]) sum[name] += object[name];
  }
  return sum;
}

function sumReasons(objects: readonly DeferredObject[]): Readonly<Record<string, number>> {
  const sum = new Map<string, number>();
  for (const [reason, rows] of objects.flatMap(({ reasons }) => Object.entries(reasons))) {
    sum.set(reason, (sum.get(reason) ?? 0) + rows);
  }
  return Object.fromEntries([...sum].sort(([a], [b]) => compareText(a, b)));
}

function sumKeys(objects: readonly DeferredObject[]): number | null {
  let sum = 0;
  for (const { proof } of objects) {
    if (proof?.keys === undefined) return null;
    sum += proof.keys;
  }
  return sum;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
