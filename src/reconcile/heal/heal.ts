/**
 * Goes through the objects that keep the originals of degraded rows, and upgrades in place what conforms by now.
 *
 * L1 a sink that cannot upgrade safely is refused before anything is read. L2 an object that cannot be read is
 * reported and left, it never stops the others. L3 a sink that is away ends the run; what was decided is kept.
 */
import { ConfigError, TierfallError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import type { Sink } from '../../sinks/sink.ts';
import type { Store } from '../../stores/store.ts';
import { isSettled } from '../settlement.ts';
import { type HealedObject, type HealObjectDeps, healObject } from './heal-object.ts';
import { isBefore, listHealObjects } from './heal-objects.ts';
import { HEAL_OUTCOMES, type HealCounts } from './heal-progress.ts';

export interface HealDeps extends HealObjectDeps {
  readonly store: Pick<Store, 'list' | 'get' | 'put'>;
  readonly emit: Emit;
}

export interface HealRunOptions {
  /** Leaves out objects whose hour was over before this moment, ms since 1970. */
  readonly sinceMs?: number;
  /** Reads and counts, and changes nothing. @default false */
  readonly dryRun?: boolean;
  /** Ends the run early; what was decided by then is kept. */
  readonly signal?: AbortSignal;
}

/** `healed`, `superseded` and `gone` are what this run decided; of a dry run, `healed` is what it would try. */
export interface HealReport extends HealCounts {
  /** Objects that were not settled before, since the given time. */
  readonly objects: number;
  /** Of these, settled now. */
  readonly settled: number;
  /** Rows of these objects. */
  readonly rows: number;
  /** Rows that stay degraded for now, and why. */
  readonly pending: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly unreadable: readonly { readonly ref: string; readonly fault: string }[];
  /** Why the run ended early; undefined when it did not. */
  readonly obstacle: string | undefined;
  readonly dryRun: boolean;
  readonly perObject: readonly HealedObject[];
}

/**
 * L1. @param isKeyed whether the schema declares key fields, so that a later record may come under the same key
 * @throws ConfigError
 */
export function checkHealSink(sink: Sink, isKeyed: boolean): void {
  if (sink.accepts === 'bytes') throw unfit(sink, 'takes bytes only, so nothing in it was degraded');
  if (sink.upgrade) return;
  if (!sink.idempotent) throw unfit(sink, 'is not idempotent: an upgraded row would be there twice');
  if (isKeyed) throw unfit(sink, 'cannot compare, and a newer version of a record may lie under the same key');
}

/** @throws ConfigError for a sink that cannot upgrade; StorageError when the store is away */
export async function healChain(deps: HealDeps, options: HealRunOptions = {}): Promise<HealReport> {
  const { sinceMs, dryRun = false, signal = new AbortController().signal } = options;
  const perObject: HealedObject[] = [];
  const unreadable: { ref: string; fault: string }[] = [];
  let obstacle: string | undefined;
  for await (const object of listHealObjects(deps.store, deps.chain)) {
    if (signal.aborted) obstacle = 'stopped';
    if (obstacle !== undefined) break;
    if (sinceMs !== undefined && isBefore(object.ref, sinceMs)) continue;
    if (object.settlement && (await isSettled(deps.store, object.ref))) continue;
    try {
      const healed = await healObject(object, deps, { dryRun, signal });
      perObject.push(healed);
      obstacle = healed.obstacle;
      if (!dryRun) tell(healed, deps);
    } catch (error) {
      if (signal.aborted) continue;
      if (!isAboutObject(error)) throw error;
      unreadable.push({ ref: object.ref, fault: error.message });
      const { code, message } = error;
      deps.emit('storageFailed', { chain: deps.chain, operation: `heal ${object.ref}`, code, message });
    }
  }
  return { ...total(perObject), unreadable, obstacle, dryRun, perObject };
}

function tell({ ref, now, pending, state }: HealedObject, { emit, chain }: HealDeps): void {
  if (HEAL_OUTCOMES.every((outcome) => now[outcome] === 0) && state !== 'settled') return;
  emit('rowsHealed', { chain, ref, ...now, pending, settled: state === 'settled' });
}

function total(
  objects: readonly HealedObject[],
): Omit<HealReport, 'unreadable' | 'obstacle' | 'dryRun' | 'perObject'> {
  const add = (count: (object: HealedObject) => number): number =>
    objects.reduce((sum, object) => sum + count(object), 0);
  const reasons: Record<string, number> = {};
  for (const { reasons: some } of objects) {
    for (const [reason, rows] of Object.entries(some)) reasons[reason] = (reasons[reason] ?? 0) + rows;
  }
  return {
    objects: objects.length,
    settled: add(({ state }) => (state === 'settled' ? 1 : 0)),
    rows: add(({ rows }) => rows),
    healed: add(({ now }) => now.healed),
    superseded: add(({ now }) => now.superseded),
    gone: add(({ now }) => now.gone),
    pending: add(({ pending }) => pending),
    reasons,
  };
}

const OBJECT_FAULTS: ReadonlySet<string> = new Set([
  'STORAGE_CORRUPT',
  'STORAGE_NOT_FOUND',
  'STORAGE_ROWS_MISMATCH',
  'ENCRYPTION_KEY_MISSING',
]);

function isAboutObject(error: unknown): error is TierfallError {
  return error instanceof TierfallError && OBJECT_FAULTS.has(error.code);
}

function unfit(sink: Sink, why: string): ConfigError {
  return new ConfigError(
    'sink',
    `${sink.name} cannot heal: it ${why}`,
    'Use a sink with the capability "upgrade", such as sqliteSink().',
  );
}
