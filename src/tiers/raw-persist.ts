/**
 * Tier 3: the bytes untouched, in a durable journal. Packing into Parquet objects and announcing the
 * reconcile job follow in the background: durable first, announce second, acknowledge last.
 *
 * P1 rows land only after the journal's fsync. P2 no transformation: a whole batch is its body, part of
 * one is the bytes of its rows. P3 what the journal refuses is a residue with the storage's own words.
 * P4 a batch makes one entry per reason, so that rows which left one by one do not make one each. P5 rows that the
 * journal has no room for are `throttled`, or `shed` where classes below `critical` are to be dropped.
 */
import { BackpressureError, TierfallError } from '../core/errors.ts';
import type { Outcome, Residue } from '../core/outcome.ts';
import type { SinkReason, StorageReason } from '../core/reason.ts';
import { gatherRows } from '../core/row-set.ts';
import type { Journal } from '../journal/journal.ts';
import { rawEntry } from './raw-entries.ts';
import type { Tier, Work } from './tier.ts';

export interface RawPersistOptions {
  readonly journal: Pick<Journal, 'append'>;
  /** Called after rows became durable, so that packing can start; what it throws is its own affair. */
  readonly appended?: () => void;
  /** Whether rows of a class below `critical` that the journal has no room for leave as `shed`. @default false */
  readonly sheds?: boolean;
}

const REASONS = ['unavailable', 'throttled', 'too-large', 'ambiguous', 'shed'] as const satisfies readonly (
  | SinkReason
  | StorageReason
)[];

export function rawPersist(options: RawPersistOptions): Tier<(typeof REASONS)[number]> {
  return {
    kind: 'raw-persist',
    reasons: REASONS,
    lands: 'deferred',
    async run(work): Promise<Outcome> {
      const causes = work.cause.length > 0 ? joinByReason(work) : [{ rows: work.rows, reason: 'requested' }];
      const refusal = work.enter();
      if (refusal) return { residue: [{ rows: work.rows, reason: refusal }] };
      const results = await Promise.all(causes.map((cause) => persist(work, cause, options)));
      const refs = results.flatMap((result) => (typeof result === 'number' ? [`journal:${result}`] : []));
      // A journal that is full on purpose answered well: its circuit stays closed.
      if (results.every((result) => typeof result === 'number' || isForRoom(result))) work.leave();
      if (refs.length > 0) tell(options.appended);
      return { residue: results.flatMap((result) => (typeof result === 'number' ? [] : [result])), refs };
    },
  };
}

function isForRoom({ reason }: Residue): boolean {
  return reason === 'throttled' || reason === 'shed';
}

/** The rows are durable already, whatever happens to whoever is told. */
function tell(appended: (() => void) | undefined): void {
  try {
    appended?.();
  } catch {
    // A pack that was not started here is started by the next append, or by the packer's own timer.
  }
}

function joinByReason({ cause, batch }: Work): readonly Residue[] {
  const byReason = Map.groupBy(cause, ({ reason }) => reason);
  return [...byReason].map(([reason, parts]) => {
    const rows = gatherRows(parts, batch.rowCount);
    const words = parts.find(({ detail }) => detail !== undefined)?.detail;
    if (words === undefined) return { rows, reason };
    return { rows, reason, detail: parts.length === 1 ? words : `${words} (and ${parts.length - 1} more)` };
  });
}

/** @returns the journal sequence, or what did not become durable */
async function persist(
  work: Work,
  cause: Residue,
  { journal, sheds = false }: RawPersistOptions,
): Promise<number | Residue> {
  const { rows, reason, detail } = cause;
  try {
    return await journal.append(
      rawEntry({ batch: work.batch, rows, purpose: 'replay', reason, detail, trail: work.trail }),
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof BackpressureError) {
      const isShed = sheds && work.batch.priority !== 'critical';
      return { rows, reason: isShed ? 'shed' : 'throttled', detail: message, retryAfterMs: error.retryAfterMs };
    }
    // The code is what an operator looks up; without it a full disk and a dead one read alike.
    const words = error instanceof TierfallError ? `${message} [${error.code}]` : message;
    const isTooLarge = error instanceof TierfallError && error.code.includes('TOO_LARGE');
    return { rows, reason: isTooLarge ? 'too-large' : 'unavailable', detail: words };
  }
}
