/**
 * Which object of each lane holds an ordering key last, in the local state file: so that a writer that starts knows which
 * keys are closed without reading the objects.
 *
 * M1 what an object holds is remembered before the journal forgets it. M2 it says whether it is whole: a state file that
 * was lost and replaced knows nothing, and says so in the transaction that answers. So does one that had no room: a full
 * disk is freed by packing, which must not wait for it.
 */
import { StorageError } from '../../core/errors.ts';
import type { SqlSession, StateDatabase } from '../sqlite-database.ts';
import type { StoredKeys } from './key-backlog.ts';

/** The last object of a lane that holds the key; `order` is its position there. */
export interface RememberedKey {
  readonly key: string;
  readonly lane: number;
  readonly order: number;
}

export interface KeyMemory {
  /** @returns undefined when it is not whole */
  load(): Promise<readonly RememberedKey[] | undefined>;
  /** Adds what these objects hold; twice is once. Does not make it whole. */
  remember(objects: readonly StoredKeys[]): Promise<void>;
  /** Adds what open objects hold that nobody remembered; it is whole then. What is stored meanwhile stays in it. */
  complete(keys: readonly RememberedKey[]): Promise<void>;
  /** @param keys of which nothing is deferred; asked in the moment they are forgotten, for one may be deferred again by then */
  forget(keys: () => readonly string[]): Promise<void>;
}

const ADD = `INSERT INTO fence (chain, lane, key, ord) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (chain, lane, key) DO UPDATE SET ord = excluded.ord WHERE excluded.ord > ord`;

const ADD_ALL = `INSERT INTO fence (chain, lane, key, ord) SELECT ?1, ?2, value, ?4 FROM json_each(?3) WHERE true
  ON CONFLICT (chain, lane, key) DO UPDATE SET ord = excluded.ord WHERE excluded.ord > ord`;

const FORGET = 'DELETE FROM fence WHERE chain = ? AND key IN (SELECT value FROM json_each(?))';

/** Its methods throw StorageError when the state file cannot be used. */
export function keyMemory(state: Pick<StateDatabase, 'transact'>, chain: string): KeyMemory {
  const fact = `fence:${chain}`;
  const isWhole = (session: SqlSession): boolean =>
    session.get('SELECT 1 AS whole FROM state_facts WHERE name = ?', fact) !== undefined;
  return {
    load: () =>
      state.transact((session) => {
        if (!isWhole(session)) return undefined;
        return session.all<RememberedKey>('SELECT key, lane, ord AS "order" FROM fence WHERE chain = ?', chain);
      }),
    remember: async (objects) => {
      const keyed = objects.filter(({ orderingKeys }) => orderingKeys.length > 0);
      if (keyed.length === 0) return;
      try {
        await state.transact((session) => {
          for (const { lane, order, orderingKeys } of keyed)
            session.run(ADD_ALL, chain, lane, JSON.stringify(orderingKeys), order);
        });
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== 'STORAGE_FULL') throw error;
        await state.transact((session) => session.run('DELETE FROM state_facts WHERE name = ?', fact));
      }
    },
    complete: (keys) =>
      state.transact((session) => {
        for (const { key, lane, order } of keys) session.run(ADD, chain, lane, key, order);
        session.run('INSERT OR REPLACE INTO state_facts (name, value) VALUES (?, ?)', fact, 'whole');
      }),
    forget: async (keys) => {
      await state.transact((session) => session.run(FORGET, chain, JSON.stringify(keys())), { isHint: true });
    },
  };
}

/** For machines whose disk does not outlive them: the objects are read at each start. */
export function noKeyMemory(): KeyMemory {
  const nothing = async (): Promise<void> => {};
  return { load: async () => undefined, remember: nothing, complete: nothing, forget: nothing };
}
