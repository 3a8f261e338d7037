/**
 * The quarantine in the store, with an index in the local state file for listing and for knowing quickly which
 * rows are in it. The store is the truth; an index that is new or was lost is built from it before anything
 * is answered.
 *
 * Holds K1 to K4 of the port, and: K5 no question is answered from an index that is not complete. It is
 * checked in the same transaction, because a damaged state file may be replaced by an empty one at any time.
 * K6 the index never knows a row whose object a power cut could still take: replay skips what is in it.
 */
import type { Clock } from '../core/clock.ts';
import { sha256 } from '../core/keys.ts';
import type { Passage } from '../core/outcome.ts';
import type { RawEntry } from '../journal/journal.ts';
import type { Store } from '../stores/store.ts';
import type {
  Aside,
  Quarantine,
  QuarantineAction,
  QuarantineCount,
  QuarantinedRow,
  QuarantineFilter,
  QuarantineSelection,
  QuarantineState,
  RowToQuarantine,
} from './quarantine.ts';
import {
  decodeRows,
  encodeMarker,
  encodeRows,
  type QuarantineObject,
  type RestingRow,
  readQuarantine,
  rowId,
} from './quarantine-object.ts';
import type { SqlSession, StateDatabase } from './sqlite-database.ts';

export interface StoreQuarantineOptions {
  readonly store: Store;
  readonly chain: string;
  readonly clock: Clock;
  /** Where the index is kept; closed by whoever opened it. */
  readonly index: StateDatabase;
  /** Makes released rows durable as a new replay object and announces it; the same entries may come twice. */
  readonly defer: (entries: readonly RawEntry[]) => Promise<void>;
}

export interface StoreQuarantine extends Quarantine {
  /** Completes the index from the store. @returns rows found and keys that could not be read */
  rebuild(): Promise<{ readonly rows: number; readonly damaged: readonly string[] }>;
}

/** Its methods throw StorageError when store or index cannot be used. */
export function storeQuarantine(options: StoreQuarantineOptions): StoreQuarantine {
  return new QuarantineInStore(options);
}

interface IndexRow {
  readonly id: string;
  readonly object: string;
  readonly state: QuarantineState;
}

const OBJECT_ROWS_MAX = 1000;
const OBJECT_BYTES_MAX = 4 * 1024 * 1024;
const LIST_LIMIT = 100;

const ADD = `INSERT INTO quarantine (id, chain, object, ref, entry, row, reason, state, ordering_key, quarantined_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET state = iif(excluded.state = 'held', state, excluded.state),
    ordering_key = excluded.ordering_key, quarantined_at = excluded.quarantined_at
  WHERE excluded.state <> 'held' OR quarantined_at IS NULL`;

const SELECT = `SELECT id, object, state FROM quarantine WHERE chain = ?1 AND state = 'held'
  AND (?2 IS NULL OR reason = ?2) AND (?3 IS NULL OR ref = ?3) AND (?4 IS NULL OR ordering_key = ?4)
  AND (?5 IS NULL OR quarantined_at >= ?5) ORDER BY ref, entry, row LIMIT ?6`;

const SELECT_IDS = `SELECT id, object, state FROM quarantine WHERE chain = ?1 AND state = 'held'
  AND id IN (SELECT value FROM json_each(?2)) ORDER BY ref, entry, row`;

const MARK = `UPDATE quarantine SET state = ? WHERE id IN (SELECT value FROM json_each(?))`;

const COUNT = `SELECT reason, SUM(state = 'held') AS held, SUM(state = 'released') AS released,
  SUM(state = 'discarded') AS discarded FROM quarantine WHERE chain = ? GROUP BY reason ORDER BY reason`;

class QuarantineInStore implements StoreQuarantine {
  readonly #options: StoreQuarantineOptions;
  readonly #fact: string;
  #rebuilding: Promise<unknown> | undefined;

  constructor(options: StoreQuarantineOptions) {
    this.#options = options;
    // Another name than indexes had that know neither keys nor times: those are built again.
    this.#fact = `quarantine-index-2:${options.chain}`;
  }

  async add(rows: readonly RowToQuarantine[]): Promise<number> {
    let added = 0;
    for (const group of groupRows(rows)) {
      const [first] = group;
      if (!first) continue;
      const known = (await this.asideOf(first.ref)).get(first.entry);
      const fresh = group.filter(({ row }) => !known?.has(row));
      if (fresh.length === 0) continue;
      const { clock, chain, store } = this.#options;
      const object = encodeRows(chain, fresh, new Date(clock.wallNow()).toISOString());
      await store.put(object.key, [object.bytes]);
      await this.#ask((session) => this.#index(session, object, () => 'held'));
      added += fresh.length;
    }
    return added;
  }

  async asideOf(ref: string): Promise<Aside> {
    const sql = 'SELECT entry, row FROM quarantine WHERE chain = ? AND ref = ?';
    const { chain } = this.#options;
    const found = await this.#ask((session) => session.all<{ entry: number; row: number }>(sql, chain, ref));
    const aside = new Map<number, Set<number>>();
    for (const { entry, row } of found) aside.set(entry, (aside.get(entry) ?? new Set()).add(row));
    return aside;
  }

  async list(filter: QuarantineFilter & { readonly limit?: number } = {}): Promise<readonly QuarantinedRow[]> {
    return this.#load(await this.#select(filter, filter.limit ?? LIST_LIMIT));
  }

  async *read(selection: QuarantineSelection): AsyncGenerator<QuarantinedRow> {
    for (const wanted of byObject(await this.#select(selection, -1)).values()) yield* await this.#load(wanted);
  }

  async get(id: string): Promise<QuarantinedRow | undefined> {
    const sql = 'SELECT id, object, state FROM quarantine WHERE chain = ? AND id = ?';
    const found = await this.#ask((session) => session.get<IndexRow>(sql, this.#options.chain, id));
    return found && (await this.#load([found]))[0];
  }

  async release(selection: QuarantineSelection, action: QuarantineAction = {}): Promise<readonly string[]> {
    return this.#decide(selection, 'released', action);
  }

  async discard(selection: QuarantineSelection, action: QuarantineAction = {}): Promise<readonly string[]> {
    return this.#decide(selection, 'discarded', action);
  }

  async counts(): Promise<readonly QuarantineCount[]> {
    const rows = await this.#ask((session) => session.all<QuarantineCount>(COUNT, this.#options.chain));
    return rows.map((row) => ({ ...row }));
  }

  async rebuild(): Promise<{ readonly rows: number; readonly damaged: readonly string[] }> {
    const { store, chain, index } = this.#options;
    // K6: what a listing shows may not be durable yet; putting it again resolves when it is.
    const confirm = (key: string, bytes: Uint8Array): Promise<unknown> => store.put(key, [bytes]);
    const { objects, stateById, damaged } = await readQuarantine(store, chain, confirm);
    await index.transact((session) => {
      for (const object of objects) this.#index(session, object, (id) => stateById.get(id) ?? 'held');
      session.run('INSERT OR REPLACE INTO state_facts (name, value) VALUES (?, ?)', this.#fact, 'complete');
    });
    return { rows: stateById.size, damaged };
  }

  /** K5: looks for the fact in the transaction that answers. */
  async #ask<T>(work: (session: SqlSession) => T): Promise<T> {
    for (;;) {
      const answer = await this.#options.index.transact((session) => {
        const complete = session.get('SELECT 1 AS complete FROM state_facts WHERE name = ?', this.#fact);
        return complete ? { value: work(session) } : undefined;
      });
      if (answer) return answer.value;
      this.#rebuilding ??= this.rebuild().finally(() => {
        this.#rebuilding = undefined;
      });
      await this.#rebuilding;
    }
  }

  #index(session: SqlSession, object: QuarantineObject, stateOf: (id: string) => QuarantineState): void {
    const { chain } = this.#options;
    for (const { id, ref, entry, row, reason, orderingKey = null, quarantinedAt } of object.rows) {
      const state = stateOf(id);
      session.run(ADD, id, chain, object.key, ref, entry, row, reason, state, orderingKey, quarantinedAt);
    }
  }

  #select(selection: QuarantineSelection, limit: number): Promise<readonly IndexRow[]> {
    const { chain } = this.#options;
    if (isIds(selection)) {
      return this.#ask((session) => session.all<IndexRow>(SELECT_IDS, chain, JSON.stringify(selection)));
    }
    const { reason = null, ref = null, orderingKey = null, since } = selection;
    const from = since?.toISOString() ?? null;
    return this.#ask((session) => session.all<IndexRow>(SELECT, chain, reason, ref, orderingKey, from, limit));
  }

  async #load(found: readonly IndexRow[]): Promise<readonly QuarantinedRow[]> {
    const rows: QuarantinedRow[] = [];
    for (const [object, wanted] of byObject(found)) {
      const stateById = new Map(wanted.map(({ id, state }) => [id, state]));
      for (const row of decodeRows(object, await this.#options.store.get(object))) {
        const state = stateById.get(row.id);
        if (state) rows.push({ ...row, state });
      }
    }
    return rows;
  }

  /** One object at a time, so that memory holds one object and a crash leaves the rest as it was. */
  async #decide(
    selection: QuarantineSelection,
    state: 'released' | 'discarded',
    { dryRun = false }: QuarantineAction,
  ): Promise<readonly string[]> {
    const found = await this.#select(selection, -1);
    if (dryRun) return found.map(({ id }) => id);
    const done: string[] = [];
    for (const [object, wanted] of byObject(found)) {
      const ids = wanted.map(({ id }) => id);
      if (state === 'released') await this.#options.defer((await this.#load(wanted)).map(releasedEntry));
      const marker = encodeMarker(
        { object, state, ids },
        new Date(this.#options.clock.wallNow()).toISOString(),
      );
      await this.#options.store.put(marker.key, [marker.bytes]);
      await this.#ask((session) => session.run(MARK, state, JSON.stringify(ids)));
      done.push(...ids);
    }
    return done;
  }
}

function isIds(selection: QuarantineSelection): selection is readonly string[] {
  return Array.isArray(selection);
}

function byObject(rows: readonly IndexRow[]): ReadonlyMap<string, IndexRow[]> {
  return Map.groupBy(rows, ({ object }) => object);
}

/** Rows of one entry each, in pieces that fit into memory and one object. */
function groupRows(rows: readonly RowToQuarantine[]): RowToQuarantine[][] {
  const groups: RowToQuarantine[][] = [];
  for (const entryRows of Map.groupBy(rows, ({ ref, entry }) => rowId(ref, entry, 0)).values()) {
    let group: RowToQuarantine[] = [];
    let bytes = 0;
    for (const row of entryRows) {
      bytes += row.body.byteLength;
      if (group.length === 0 || group.length >= OBJECT_ROWS_MAX || bytes > OBJECT_BYTES_MAX) {
        group = [];
        groups.push(group);
        bytes = row.body.byteLength;
      }
      group.push(row);
    }
  }
  return groups;
}

/**
 * The row's id goes into the trail: an entry that is released, quarantined again and released again must not
 * become the same object twice, because that one is settled already.
 */
function releasedEntry(row: RestingRow): RawEntry {
  const { batchKey, orderingKey, priority, format, attributes, receivedAtMs, reason, body } = row;
  return {
    purpose: 'replay',
    key: batchKey,
    orderingKey,
    priority,
    format,
    attributes,
    receivedAtMs,
    reason,
    trail: releasedTrail(row),
    rowCount: 1,
    rows: [row.originalRow],
    sha256: sha256(body),
    body,
  };
}

function releasedTrail({ id, trail, reason, detail, attempts }: RestingRow): string {
  const left = [{ reason, rows: 1, ...(detail === undefined ? {} : { detail }) }];
  const passage: Passage = { tier: 'quarantine', rowsIn: 1, rowsLanded: 0, attempts, latencyMs: 0, left };
  return JSON.stringify([...passagesOf(trail), { ...passage, released: id }]);
}

function passagesOf(trail: string): readonly unknown[] {
  try {
    const passages: unknown = JSON.parse(trail);
    return Array.isArray(passages) ? passages : [];
  } catch {
    // The trail is for people; a row is released with or without the start of it.
    return [];
  }
}
