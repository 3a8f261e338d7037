/**
 * The proof at the end: every source record is in exactly one place, and what is there is what the source says.
 *
 * Z1 the sources are read again with the demo's own readers, the sink with its own connection. Z2 a record is looked up by
 * the key that its batch was acknowledged under, and its cells are compared one by one. Z3 nothing in the sink or in
 * quarantine is left unexplained: a row of no source record, or a record in two places, is a fault like a missing one.
 */
import type { ReconcileReport } from '../../reconcile/ledger.ts';
import { compareRecord, type ExpectedColumn } from './expectation.ts';
import type { DemoFormat } from './plan.ts';
import { readRecords, type SourceRecord } from './source-records.ts';
import type { Counts } from './tally.ts';
import type { WarehouseRow } from './warehouse.ts';

/** A feed as the proof sees it. */
export interface ProofFeed {
  readonly label: string;
  readonly format: DemoFormat;
  /** By the demo's own reading, in file order. */
  readonly records: readonly SourceRecord[];
  /** Which records went under which batch key; several keys may cover the same records. */
  readonly batches: readonly { readonly key: string; readonly first: number; readonly rows: number }[];
}

/** A row of the quarantine. */
export interface AsideRow {
  readonly batchKey: string;
  readonly originalRow: number;
  /** The row alone, as a body of the feed's format. */
  readonly body: Uint8Array;
}

export interface ProofInput {
  readonly chain: string;
  readonly columns: readonly ExpectedColumn[];
  readonly feeds: readonly ProofFeed[];
  readonly rows: readonly WarehouseRow[];
  readonly aside: readonly AsideRow[];
  /** By the receipts, each batch once. */
  readonly receipts: Counts;
  /** What became of everything that was stored raw, read from the store. */
  readonly report: ReconcileReport;
}

export interface ChainProof {
  readonly chain: string;
  readonly records: number;
  /** In the sink, as the source says it. */
  readonly verbatim: number;
  /** In the sink, with names or values spelled as the schema wants. */
  readonly coerced: number;
  readonly quarantined: number;
  /** Rows in the sink or in quarantine that are no source record's. */
  readonly strange: number;
  readonly receipts: Counts;
  readonly report: ReconcileReport;
  /** Everything that is wrong, in words; empty when the proof holds. */
  readonly faults: readonly string[];
  /** Records that are nowhere, as `file #index`. */
  readonly missing: readonly string[];
}

/** Pure. */
export function proveChain(input: ProofInput): ChainProof {
  const places = new Places(input);
  const counts = { verbatim: 0, coerced: 0, quarantined: 0, strange: 0 };
  const faults: string[] = [];
  for (const row of input.rows) {
    const place = places.take(row.key);
    if (!place) {
      counts.strange += 1;
      faults.push(`the sink has a row that no source record explains: ${row.key}`);
      continue;
    }
    const { verdict, detail } = compareRecord(place.record, row.cells, input.columns, place.isText);
    if (verdict === 'differs') faults.push(`${place.name} is not what the source says: ${detail}`);
    else counts[verdict === 'same' ? 'verbatim' : 'coerced'] += 1;
  }
  checkAside(input.aside, places, counts, faults);
  const missing = places.untaken();
  if (missing.length > 0) {
    const count = missing.length === 1 ? '1 record is' : `${missing.length} records are`;
    faults.push(`${count} nowhere: ${missing[0]}${missing.length === 1 ? '' : ' and others'}`);
  }
  faults.push(...places.twice.map((name) => `${name} is in two places`));
  faults.push(...ledgerFaults(input));
  const records = input.feeds.reduce((sum, feed) => sum + feed.records.length, 0);
  const { chain, receipts, report } = input;
  return { chain, records, ...counts, receipts, report, faults, missing };
}

/** Rows set aside twice across a kill are one record. */
function checkAside(
  aside: readonly AsideRow[],
  places: Places,
  counts: { quarantined: number; strange: number },
  faults: string[],
): void {
  const bodies = new Map(aside.map(({ batchKey, originalRow, body }) => [`${batchKey}-${originalRow}`, body]));
  for (const [key, body] of bodies) {
    const place = places.take(key);
    if (!place) {
      counts.strange += 1;
      faults.push(`the quarantine has a row that no source record explains: ${key}`);
      continue;
    }
    counts.quarantined += 1;
    const [kept] = readRecords(Buffer.from(body).toString('utf8'), place.format);
    if (kept?.digest !== place.record.digest) faults.push(`${place.name} is not in quarantine as it was sent`);
  }
}

function ledgerFaults({ feeds, receipts, report }: ProofInput): readonly string[] {
  const records = feeds.reduce((sum, feed) => sum + feed.records.length, 0);
  const { delivered, degraded, deferred, rejected } = receipts;
  const accounted = delivered + degraded + deferred + rejected;
  const digests = report.perObject.filter(({ settlement }) => {
    const proof = settlement?.proof;
    return (
      proof && (proof.missing.length > 0 || (proof.sinkDigest ?? proof.sourceDigest) !== proof.sourceDigest)
    );
  });
  return [
    accounted === records ? '' : `the receipts account for ${accounted} of ${records} records`,
    rejected === 0 ? '' : `${rejected} records were rejected`,
    report.balanced ? '' : 'the account of the deferred records does not balance',
    report.pending === 0 ? '' : `${report.pending} deferred records still wait for replay`,
    report.rows >= deferred ? '' : `${deferred} records were deferred and only ${report.rows} are stored`,
    digests.length === 0 ? '' : `${digests.length} stored objects are not complete in the sink`,
  ].filter((fault) => fault !== '');
}

interface Place {
  /** `movies.json #17`. */
  readonly name: string;
  readonly record: SourceRecord;
  readonly format: DemoFormat;
  readonly isText: boolean;
}

/** Source records by the keys they may be found under; each may be taken once. */
class Places {
  readonly #byKey = new Map<string, Place>();
  readonly #taken = new Set<Place>();
  readonly #all: Place[] = [];
  readonly twice: string[] = [];

  constructor({ feeds }: ProofInput) {
    for (const { label, format, records, batches } of feeds) {
      const places = records.map((record, index) => {
        return { name: `${label} #${index}`, record, format, isText: format === 'csv' };
      });
      this.#all.push(...places);
      for (const { key, first, rows } of batches) {
        places.slice(first, first + rows).forEach((place, row) => {
          this.#byKey.set(`${key}-${row}`, place);
        });
      }
    }
  }

  take(key: string): Place | undefined {
    const place = this.#byKey.get(key);
    if (place && this.#taken.has(place)) this.twice.push(place.name);
    if (place) this.#taken.add(place);
    return place;
  }

  untaken(): readonly string[] {
    return this.#all.filter((place) => !this.#taken.has(place)).map(({ name }) => name);
  }
}
