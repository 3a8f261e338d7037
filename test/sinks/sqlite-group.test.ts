import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import { type Write, WriteGroup } from '../../src/sinks/sqlite-group.ts';
import { column, numbers, sqliteTarget, table } from './sqlite-target.ts';

interface Named extends Write {
  readonly name: string;
}

const NEVER = new AbortController().signal;

function groups(refuses: (name: string) => boolean = () => false) {
  const committed: string[][] = [];
  const group = new WriteGroup<Named>({
    rowsMax: 10,
    aborted: () => new SinkError('unavailable', 'aborted'),
    commit: async (wanted) => {
      const writes = wanted();
      const names = writes.map(({ name }) => name);
      if (names.some(refuses)) throw new SinkError('refused', `${names.join()} refused`);
      committed.push(names);
      const poor = [{ position: 0, reason: 'refused', detail: 'poor' }] as const;
      return new Map(writes.map((write) => [write, write.name === 'poor' ? poor : []]));
    },
  });
  const add = (name: string, rows = 1, signal: AbortSignal = NEVER) => group.add({ name, rows, signal });
  return { committed, add };
}

describe('writes of one turn', () => {
  it('share a commit up to its rows, in the order they came, and are told of their own failures', async () => {
    const { committed, add } = groups();
    const answers = await Promise.all([
      add('a', 4),
      add('poor', 4),
      add('b', 4),
      add('large', 40),
      add('c', 1),
    ]);
    expect(committed).toEqual([['a', 'poor'], ['b'], ['large'], ['c']]);
    expect(answers.map((failures) => failures.length)).toEqual([0, 1, 0, 0, 0]);
  });

  it('leave alone who was refused, and who gave up', async () => {
    const { committed, add } = groups((name) => name === 'bad');
    const givenUp = new AbortController();
    const answers = [add('a'), add('bad'), add('b'), add('gone', 1, givenUp.signal)];
    givenUp.abort();
    const settled = await Promise.allSettled(answers);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(committed).toEqual([['a'], ['b']]);
  });

  it('let go of who gives up while the database is held, and write the others when it is free', async () => {
    const target = sqliteTarget();
    target.sql('CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, n INTEGER)');
    const other = new DatabaseSync(target.file);
    other.exec('BEGIN IMMEDIATE');
    const sink = target.open({ busyTimeoutMs: 60_000 });
    const giveUp = new AbortController();
    const given = sink.write(numbers([1], { keys: ['given'], signal: giveUp.signal }));
    const kept = sink.write(numbers([2], { keys: ['kept'] }));
    setImmediate(() => giveUp.abort());
    await expect(given).rejects.toMatchObject({ reason: 'unavailable' });
    other.exec('ROLLBACK');
    other.close();
    expect(await kept).toBeUndefined();
    expect(target.keys()).toEqual(['kept']);
  });

  it('reach SQLite in one transaction, and a table that does not fit costs only its own', async () => {
    const target = sqliteTarget();
    target.sql('CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, n INTEGER)');
    const sink = target.open({ addColumns: false });
    const commits = (): unknown => target.all('PRAGMA wal_checkpoint(PASSIVE)')[0]?.['log'];
    await sink.write(numbers([0], { keys: ['first'] }));
    const before = Number(commits());
    const ids = Array.from({ length: 20 }, (_, n) => n);
    await Promise.all(ids.map((n) => sink.write(numbers([n], { keys: [`k${n}`] }))));
    // A commit of its own would write the page of the table each time.
    expect(Number(commits()) - before).toBeLessThan(10);
    const mixed = [
      sink.write(numbers([1], { keys: ['x'] })),
      sink.write(table([column('other')], [['text']])),
      sink.write(numbers([2], { keys: ['y'] })),
    ];
    const settled = await Promise.allSettled(mixed);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(target.keys()).toHaveLength(23);
  });

  it("fail together when the failure is nobody's own", async () => {
    let calls = 0;
    const group = new WriteGroup<Named>({
      rowsMax: 10,
      aborted: () => new SinkError('unavailable', 'aborted'),
      commit: async () => {
        calls += 1;
        throw new SinkError('unavailable', 'the disk is full');
      },
    });
    const writes = ['a', 'b'].map((name) => group.add({ name, rows: 1, signal: NEVER }));
    expect((await Promise.allSettled(writes)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(calls).toBe(1);
  });
});
