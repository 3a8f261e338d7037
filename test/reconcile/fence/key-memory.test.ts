import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StorageError } from '../../../src/core/errors.ts';
import { nodeFileSystem } from '../../../src/platform/node-file-system.ts';
import { keyMemory } from '../../../src/reconcile/fence/key-memory.ts';
import { openStateDatabase, type StateDatabase } from '../../../src/reconcile/sqlite-database.ts';

let dir: string;
let state: StateDatabase;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tierfall-keys-'));
  state = await openStateDatabase({ file: join(dir, 'state.db'), fs: nodeFileSystem });
});
afterEach(async () => {
  await state.close();
  await rm(dir, { recursive: true });
});

const object = (lane: number, order: number, ...orderingKeys: string[]) => ({
  ref: `${lane}/${order}`,
  lane,
  order,
  orderingKeys,
});

it('says nothing until it is whole, whatever it has been told', async () => {
  const memory = keyMemory(state, 'c');
  expect(await memory.load()).toBeUndefined();
  await memory.remember([object(0, 1, 'a')]);
  expect(await memory.load()).toBeUndefined();
  await memory.complete([]);
  expect((await memory.load())?.map(({ key }) => key)).toEqual(['a']);
});

it('remembers the last object of each lane that holds a key, of its own chain', async () => {
  const memory = keyMemory(state, 'c');
  await memory.complete([{ key: 'old', lane: 3, order: 7 }]);
  await keyMemory(state, 'other').remember([object(0, 9, 'a')]);
  await memory.remember([object(0, 1, 'a', 'b'), object(0, 5, 'a'), object(1, 2, 'a'), object(0, 3, 'a')]);
  expect(await memory.load()).toEqual([
    { key: 'a', lane: 0, order: 5 },
    { key: 'b', lane: 0, order: 1 },
    { key: 'a', lane: 1, order: 2 },
    { key: 'old', lane: 3, order: 7 },
  ]);
  await memory.forget(() => ['a', 'old']);
  expect((await memory.load())?.map(({ key, lane }) => `${lane}${key}`)).toEqual(['0b']);
  expect(await keyMemory(state, 'c').load()).toEqual(await memory.load());
});

it('keeps what was stored while the objects were read, and the later place of a key', async () => {
  const memory = keyMemory(state, 'c');
  await memory.remember([object(0, 9, 'a')]);
  await memory.complete([
    { key: 'a', lane: 0, order: 2 },
    { key: 'b', lane: 1, order: 3 },
  ]);
  expect(await memory.load()).toEqual([
    { key: 'a', lane: 0, order: 9 },
    { key: 'b', lane: 1, order: 3 },
  ]);
});

it('is not whole any more after an object that the disk had no room for, and lets packing go on', async () => {
  let isFull = true;
  const full: Pick<StateDatabase, 'transact'> = {
    transact: (work, options) =>
      state.transact((session) => {
        const run = (sql: string, ...values: (string | number)[]): number => {
          if (isFull && sql.startsWith('INSERT'))
            throw new StorageError('STORAGE_FULL', 'full', { hint: 'room' });
          return session.run(sql, ...values);
        };
        return work({ all: session.all.bind(session), get: session.get.bind(session), run } as typeof session);
      }, options),
  };
  await keyMemory(state, 'c').complete([]);
  const memory = keyMemory(full, 'c');
  await memory.remember([object(0, 1, 'a')]);
  isFull = false;
  expect(await memory.load()).toBeUndefined();
});
