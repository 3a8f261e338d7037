import { existsSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/errors.ts';
import { sqliteSink } from '../../src/sinks/sqlite-sink.ts';
import { column, failure, numbers, sqliteTarget, table, upTo } from './sqlite-target.ts';

describe('the table', () => {
  it('is not even a file before the first write', async () => {
    const target = sqliteTarget();
    const sink = target.open();
    expect(existsSync(target.file)).toBe(false);
    await sink.write(numbers([1]));
    expect(existsSync(target.file)).toBe(true);
  });

  it('is created STRICT, in WAL mode, with the key first', async () => {
    const target = sqliteTarget();
    const columns = [column('b', 'bool'), column('i', 'bigint'), column('f', 'float'), column('x', 'bytes')];
    await target.open().write(table([...columns, column('at', 'timestamp'), column('d', 'decimal')], []));
    expect(existsSync(target.file)).toBe(false);
    await target.open().write(table([...columns, column('at', 'timestamp')], [[true, 1n, 0.5, null, 0n]]));
    expect(target.all("SELECT strict FROM pragma_table_list WHERE name = 't'")).toEqual([{ strict: 1n }]);
    expect(target.all('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(target.all("SELECT name, type FROM pragma_table_info('t')")).toEqual([
      { name: 'tierfall_key', type: 'TEXT' },
      { name: 'b', type: 'INTEGER' },
      { name: 'i', type: 'INTEGER' },
      { name: 'f', type: 'REAL' },
      { name: 'x', type: 'BLOB' },
      { name: 'at', type: 'TEXT' },
    ]);
  });

  it('gains columns and never loses one', async () => {
    const target = sqliteTarget();
    const sink = target.open();
    await sink.write(table([column('a')], [['1']], { keys: ['x'] }));
    await sink.write(table([column('b')], [['2']], { keys: ['y'] }));
    expect(target.all('SELECT a, b FROM t ORDER BY tierfall_key')).toEqual([
      { a: '1', b: null },
      { a: null, b: '2' },
    ]);
  });

  it('finds a column whose name differs only by case', async () => {
    const target = sqliteTarget();
    target.sql('CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, Title TEXT)');
    await target.open({ addColumns: false }).write(table([column('TITLE')], [['Alien']]));
    expect(target.all('SELECT * FROM t')).toEqual([{ tierfall_key: 'k-0', Title: 'Alien' }]);
  });

  it('is left as it is without addColumns, naming every column it lacks', async () => {
    const target = sqliteTarget();
    target.sql('CREATE TABLE t (tierfall_key TEXT PRIMARY KEY)');
    const error = await failure(
      target.open({ addColumns: false }),
      table([column('a'), column('b')], [['1', '2']]),
    );
    expect([error.reason, error.message]).toEqual(['refused', 'table "t": the table has no column "a", "b"']);
    expect(target.all("SELECT count(*) AS n FROM pragma_table_info('t')")).toEqual([{ n: 1n }]);
  });

  it('of a user, without a key column, is given one and keeps its rows', async () => {
    const target = sqliteTarget();
    target.sql('CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (7), (8)');
    const sink = target.open();
    await sink.write(numbers([1, 2]));
    await sink.write(numbers([1, 2]));
    expect(target.all('SELECT n FROM t ORDER BY n').map(({ n }) => n)).toEqual([1n, 2n, 7n, 8n]);
    expect(await sink.lookup(['k-0', 'k-9'])).toEqual(new Set(['k-0']));
  });

  it('that was dropped meanwhile is created again', async () => {
    const target = sqliteTarget();
    const sink = target.open();
    await sink.write(numbers([1]));
    target.sql('DROP TABLE t');
    expect(await sink.lookup(['k-0'])).toEqual(new Set());
    await sink.write(numbers([1]));
    expect(target.keys()).toEqual(['k-0']);
  });

  it('holds keys as they are spelt, also where its column ignores case', async () => {
    const target = sqliteTarget();
    target.sql("CREATE TABLE t (tierfall_key TEXT COLLATE NOCASE PRIMARY KEY); INSERT INTO t VALUES ('K-1')");
    const sink = target.open();
    expect((await sink.lookup(['k-1'])).has('k-1')).toBe(false);
    expect(await sink.lookup(['K-1'])).toEqual(new Set(['K-1']));
  });

  it('is looked up again after its key column has come', async () => {
    const target = sqliteTarget();
    target.sql('CREATE TABLE t (n INTEGER)');
    const sink = target.open();
    expect(await sink.lookup(['k-0'])).toEqual(new Set());
    await sink.write(numbers([1]));
    expect(await sink.lookup(['k-0'])).toEqual(new Set(['k-0']));
    target.sql('ALTER TABLE t ADD COLUMN more TEXT');
    expect(await sink.lookup(['k-0', 'k-9'])).toEqual(new Set(['k-0']));
  });

  it('that was changed meanwhile is fitted or refused again, however often it was written before', async () => {
    const target = sqliteTarget();
    const sink = target.open();
    const columns = [column('n', 'int')];
    for (const n of upTo(4)) await sink.write(table(columns, [[n]], { keys: [`k-${n}`] }));
    target.sql('ALTER TABLE t DROP COLUMN n');
    await sink.write(table(columns, [[4]], { keys: ['k-4'] }));
    expect(target.all('SELECT n FROM t').map(({ n }) => n)).toEqual([null, null, null, null, 4n]);
    await sink.write(table(columns, [[5]], { keys: ['k-5'] }));
    target.sql('DROP TABLE t; CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, n TEXT)');
    const error = await failure(sink, table(columns, [[6]]));
    expect([error.reason, error.message.includes('TEXT')]).toEqual(['refused', true]);
  });

  it('is written as asked when inserts and upgrades of the same columns alternate', async () => {
    const target = sqliteTarget();
    const sink = target.open();
    const columns = [column('n', 'int')];
    const write = (n: number, mode: 'insert' | 'upgrade') => sink.write(table(columns, [[n]], { mode }));
    const held: unknown[] = [];
    for (const [n, mode] of [
      [1, 'insert'],
      [2, 'insert'],
      [3, 'upgrade'],
      [4, 'insert'],
      [5, 'upgrade'],
    ] as const) {
      await write(n, mode);
      held.push(target.all('SELECT n FROM t')[0]?.['n']);
    }
    expect(held).toEqual([1n, 1n, 3n, 3n, 5n]);
  });

  it.each([
    ['two names that differ by case', [column('US_Gross'), column('us_gross')], /"US_Gross" and "us_gross"/],
    ['the name of the key', [column('Tierfall_Key')], /"Tierfall_Key"/],
    ['NUL in a name', [column('a\0b')], /cannot be written in SQL/],
    ['a lone surrogate in a name', [column('a\ud800')], /cannot be written in SQL/],
  ])('refuses %s', async (_name, columns, message) => {
    const error = await failure(sqliteTarget().open(), table(columns, [columns.map(() => 'x')]));
    expect(error.reason).toBe('refused');
    expect(error.message).toMatch(message);
  });

  it('takes names that only look alike outside ASCII', async () => {
    const target = sqliteTarget();
    await target.open().write(table([column('é'), column('É'), column('')], [['a', 'b', 'c']]));
    expect(target.all('SELECT * FROM t')).toEqual([{ tierfall_key: 'k-0', é: 'a', É: 'b', '': 'c' }]);
  });

  it.each([
    ['INTEGER', 'text'],
    ['DECIMAL(10,2)', 'decimal'],
    ['REAL', 'bigint'],
    ['VARCHAR(20)', 'int'],
  ] as const)(
    'refuses a column declared %s for %s, which would be changed in silence',
    async (declared, type) => {
      const target = sqliteTarget();
      target.sql(`CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, x ${declared})`);
      const cell = { text: '007', decimal: '1.10', bigint: 2n ** 53n + 1n, int: 5 }[type];
      const error = await failure(target.open(), table([column('x', type)], [[cell]]));
      expect([error.reason, error.message.includes(declared)]).toEqual(['refused', true]);
    },
  );

  it.each([
    ['DATETIME', 'timestamp', 0n, '1970-01-01T00:00:00.000Z'],
    ['VARCHAR(20)', 'text', '007', '007'],
    ['BOOLEAN', 'bool', true, 1n],
    ['DOUBLE', 'int', 3, 3],
    ['BLOB', 'int', 3, 3n],
    ['', 'text', '007', '007'],
  ] as const)('uses a column declared %s for %s as it is', async (declared, type, cell, stored) => {
    const target = sqliteTarget();
    target.sql(`CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, x ${declared})`);
    expect(await target.open().write(table([column('x', type)], [[cell]]))).toBeUndefined();
    expect(target.all('SELECT x FROM t')).toEqual([{ x: stored }]);
  });
});

describe('a constraint of the user', () => {
  const refusing = (constraint: string) => {
    const target = sqliteTarget();
    target.sql(`CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, n INTEGER ${constraint}) STRICT`);
    return target;
  };

  it.each([
    ['CHECK (n < 5)', [1, 9, 2, 8], [1, 3], 'CHECK constraint failed: n < 5'],
    ['NOT NULL', [1, null, 2], [1], 'NOT NULL constraint failed: t.n'],
    ['UNIQUE', [1, 2, 1, 3], [2], 'UNIQUE constraint failed: t.n'],
    ["CHECK (json_extract(n || 'x', '$') > 0)", [null, 2], [1], 'malformed JSON'],
    [
      'UNIQUE ON CONFLICT IGNORE',
      [1, 1, 2],
      [1],
      'the table ignored the row: look for ON CONFLICT IGNORE or a trigger',
    ],
  ])('%s refuses its rows alone, in its own words', async (constraint, cells, rows, detail) => {
    const target = refusing(constraint);
    const result = await target.open().write(numbers(cells));
    expect(result).toEqual({ residue: [{ rows, reason: 'refused', detail }] });
    const landed = upTo(cells.length).filter((row) => !rows.includes(row));
    expect(target.keys()).toEqual(landed.map((row) => `k-${row}`));
  });

  it('that rolls the transaction back fails the whole write, and nothing of it is in', async () => {
    const target = refusing('NOT NULL ON CONFLICT ROLLBACK');
    const sink = target.open();
    expect((await failure(sink, numbers([1, null, 2]))).reason).toBe('refused');
    expect(target.keys()).toEqual([]);
    expect(await sink.write(numbers([1, 2]))).toBeUndefined();
  });

  it('that is checked at the commit fails the whole write, and nothing of it is in', async () => {
    const target = sqliteTarget();
    target.sql(`CREATE TABLE p (id INTEGER PRIMARY KEY);
      CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, n INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)`);
    const sink = target.open();
    const error = await failure(sink, numbers([1]));
    expect([error.reason, error.message]).toEqual(['refused', 'sqlite:t: FOREIGN KEY constraint failed']);
    target.sql('INSERT INTO p VALUES (1)');
    expect(await sink.write(numbers([1]))).toBeUndefined();
  });
});

describe('a long write', () => {
  it('says that no single row is to blame when a later transaction is refused as one', async () => {
    const target = sqliteTarget();
    target.sql(
      'CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, n INTEGER CHECK (n <> 3) NOT NULL ON CONFLICT ROLLBACK)',
    );
    const result = await target.open().write(numbers(upTo(5_003).map((row) => (row === 5_001 ? null : row))));
    expect(result?.residue).toEqual([
      { rows: [3], reason: 'refused', detail: 'CHECK constraint failed: n <> 3' },
      {
        rows: [5_000, 5_001, 5_002],
        reason: 'refused',
        detail: 'sqlite:t: NOT NULL constraint failed: t.n',
        whole: true,
      },
    ]);
    expect(target.keys().length).toBe(4_999);
  });

  it('leaves the rest as unavailable when it is aborted between transactions', async () => {
    const target = sqliteTarget();
    const controller = new AbortController();
    const write = target.open().write(numbers(upTo(12_000), { signal: controller.signal }));
    await nextTurn();
    controller.abort();
    const result = await write;
    expect(result?.residue).toMatchObject([{ reason: 'unavailable', rows: upTo(12_000).slice(5_000) }]);
    expect(target.keys().length).toBe(5_000);
  });

  it('gives the event loop a turn between transactions', async () => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    await sqliteTarget()
      .open()
      .write(numbers(upTo(20_001)));
    clearImmediate(timer);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  it('does not open the database again when it is closed on the way', async () => {
    const target = sqliteTarget();
    const sink = target.open();
    const write = sink.write(numbers(upTo(5_001)));
    await nextTurn();
    await sink.close();
    expect((await write)?.residue).toMatchObject([{ reason: 'unavailable', rows: [5_000] }]);
    expect((await failure(sink, numbers([1]))).message).toBe('sqlite:t: the sink is closed');
  });
});

describe('sqliteSink', () => {
  it.each([
    [{ file: ':memory:' }, 'file'],
    [{ file: '' }, 'file'],
    [{ table: '' }, 'table'],
    [{ table: 'sqlite_mine' }, 'table'],
    [{ busyTimeoutMs: -1 }, 'busyTimeoutMs'],
    [{ busyTimeoutMs: Number.NaN }, 'busyTimeoutMs'],
    [{ bytesMax: 0 }, 'bytesMax'],
  ])('refuses %o at once, naming %s', (options, path) => {
    const create = (): unknown => sqliteSink({ file: 'x.db', table: 't', ...options });
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(new RegExp(`^${path}:`));
  });

  it('refuses a request without columns as a bug of the tier', async () => {
    const error = await failure(sqliteTarget().open(), { ...numbers([1]), columns: undefined });
    expect([error.reason, error.retryable]).toEqual(['crashed', false]);
  });
});
