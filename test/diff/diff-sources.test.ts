import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BatchInput, Format } from '../../src/core/batch.ts';
import type { Columns } from '../../src/core/columns.ts';
import { InputError } from '../../src/core/errors.ts';
import { cellVector, numberVector, textVector, wideVector, wordVector } from '../../src/core/vectors.ts';
import type { DiffChange } from '../../src/diff/change.ts';
import { type DiffOptions, diffRecords } from '../../src/diff/diff-records.ts';
import { diffSources, type SourceDiffReport, traitsOf } from '../../src/diff/diff-sources.ts';
import {
  batchSource,
  type ColumnsPart,
  columnsSource,
  type RecordSource,
} from '../../src/diff/record-source.ts';
import { parseRules } from '../../src/diff/rules.ts';
import { spillTo } from '../../src/diff/spill.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { type Plain, sides } from './oracle.ts';
import { tables, textsOf } from './random-columns.ts';

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* items;
}

function source(format: Format, bodies: readonly string[], name = 'file'): RecordSource {
  return batchSource(name, format, each(bodies.map((body): BatchInput => ({ body, format }))));
}

function lines(records: readonly Plain[]): readonly string[] {
  return records.map((record) => `${JSON.stringify(record)}\n`);
}

interface Told {
  readonly report: SourceDiffReport;
  readonly changes: readonly DiffChange[];
  readonly opened: number;
}

async function diff(
  a: RecordSource,
  b: RecordSource,
  options: Partial<DiffOptions> & { readonly memoryBytes?: number } = {},
  rules: readonly string[] = [],
): Promise<Told> {
  const changes: DiffChange[] = [];
  const files = new MemoryFileSystem();
  await files.mkdir('spill');
  const open = spillTo(files, 'spill');
  let opened = 0;
  const report = await diffSources(a, b, {
    key: ['id'],
    rules: parseRules(rules, [], traitsOf(a, b)),
    openSpill: () => {
      opened += 1;
      return open();
    },
    onChange: (change) => void changes.push(change),
    ...options,
  });
  expect(await files.readdir('spill')).toEqual([]);
  return { report, changes, opened };
}

const counts = ({ equal, changed, added, removed, rowsA, rowsB }: SourceDiffReport): object => ({
  equal,
  changed,
  added,
  removed,
  rowsA,
  rowsB,
});

describe('sources against sources', () => {
  it('tells the same on a disk as in memory, but for the order', async () => {
    await fc.assert(
      fc.asyncProperty(
        sides,
        fc.constantFrom<DiffOptions['key']>(['id'], 'content', 'order'),
        async ([a, b], key) => {
          const spilled = await diff(source('ndjson', lines(a)), source('ndjson', lines(b)), {
            key,
            memoryBytes: 1,
          });
          const expected = await diffRecords(a, b, { key });
          expect(counts(spilled.report)).toEqual(counts({ ...spilled.report, ...expected }));
          const { fields, duplicates, changedCells } = spilled.report;
          expect({ fields, changedCells }).toEqual({
            fields: expected.fields,
            changedCells: expected.changedCells,
          });
          expect([duplicates.a, duplicates.b]).toEqual([expected.duplicates.a, expected.duplicates.b]);
          expect(spilled.report.isSpilled).toBe(a.length + b.length > 0);
        },
      ),
    );
  });

  it.each([64, 0])(
    'numbers the rows after one that cannot be read as they stand, with %i bytes of memory',
    async (memoryBytes) => {
      const column = { name: 'v', type: 'int', nullable: false, key: false } as const;
      const partOf = (values: readonly number[], bad?: number): ColumnsPart => {
        const rows = [...values.keys()].filter((row) => row !== bad);
        const vectors = [numberVector(Int32Array.from(rows, (row) => values[row] ?? 0))];
        const faults =
          bad === undefined
            ? []
            : [{ row: bad, error: new InputError('ROW_UNDECODABLE', `row ${bad}`, { hint: 'None.' }) }];
        return { columns: [column], rows, vectors, faults };
      };
      const of = (...parts: ColumnsPart[]): RecordSource => columnsSource('t', [column], each(parts));
      const a = of(partOf([1, 2, 3], 1), partOf([4, 5], 0), partOf([6]));
      const b = of(partOf([1, 2, 3]), partOf([4, 5, 7]));
      const { report, changes } = await diff(a, b, { key: 'order', memoryBytes });
      expect(report).toMatchObject({ rowsA: 4, equal: 3, undecodable: { a: 2, b: 0 } });
      expect(changes.toSorted((x, y) => ('rowB' in x && 'rowB' in y ? x.rowB - y.rowB : 0))).toMatchObject([
        { kind: 'added', rowB: 1, record: { v: 2 } },
        { kind: 'added', rowB: 3, record: { v: 4 } },
        { kind: 'changed', rowA: 5, rowB: 5, cells: [{ field: 'v', before: 6, after: 7 }] },
      ]);
      const keyed = await diff(of(partOf([1, 2, 3], 1)), of(partOf([1, 2, 4])), { key: ['v'], memoryBytes });
      const numbers = keyed.changes.map((change) => ('rowB' in change ? change.rowB : -change.rowA));
      expect(numbers.toSorted((x, y) => x - y)).toEqual([-2, 1, 2]);
    },
  );

  it('counts the bytes of columns, and holds more of them only where they are compared as they are', async () => {
    const rows = Array.from({ length: 100 }, (_, row) => row);
    const words = rows.map((row) => `${row}`.padStart(10_000, '-'));
    const columns = [
      { name: 'id', type: 'int', nullable: false, key: false },
      { name: 'text', type: 'text', nullable: false, key: false },
    ] as const;
    const ids = numberVector(Int32Array.from(rows));
    const body = Buffer.from(words.join(''));
    const vectors = [
      textVector(
        Int32Array.from([...rows, 100], (row) => row * 10_000),
        body,
      ),
      wordVector(Int32Array.from(rows), words),
      cellVector(words),
    ];
    for (const vector of vectors) {
      const part = { columns, rows, vectors: [ids, vector] };
      const table = (): RecordSource => columnsSource('t', columns, each([part]));
      const records = words.map((text, id) => ({ id, text }));
      const isSpilled = async (
        b: RecordSource,
        key: DiffOptions['key'],
        memoryBytes: number,
      ): Promise<boolean> => {
        const { report } = await diff(table(), b, { key, memoryBytes });
        expect(report).toMatchObject({ isEqual: true, equal: 100 });
        return report.isSpilled;
      };
      for (const key of [['id'], 'order'] as const) {
        expect(await isSpilled(table(), key, 300_000)).toBe(false);
        expect(await isSpilled(table(), key, 200_000)).toBe(true);
        expect(await isSpilled(source('ndjson', lines(records)), key, 1_500_000)).toBe(true);
      }
      expect(await isSpilled(table(), 'content', 1_500_000)).toBe(true);
      expect(await isSpilled(table(), 'content', 2_500_000)).toBe(false);
      const bad = { row: 100, error: new InputError('ROW_UNDECODABLE', 'row 100', { hint: 'None.' }) };
      const faulty = columnsSource('t', columns, each<ColumnsPart>([{ ...part, faults: [bad] }]));
      expect(await isSpilled(faulty, ['id'], 300_000)).toBe(true);
    }
  });

  it('keeps typed cells exact on their way over a disk', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async ([a, b]) => {
        const of = (part: Columns): RecordSource => columnsSource('t', part.columns, each([part]));
        const memory = await diff(of(a), of(b));
        const spilled = await diff(of(a), of(b), { memoryBytes: 0 });
        expect(counts(spilled.report)).toEqual(counts(memory.report));
        expect(spilled.report.fields).toEqual(memory.report.fields);
      }),
    );
  });

  it('spreads again what does not fit, and gives up no row of one key that is larger than the memory', async () => {
    const many = Array.from({ length: 3000 }, (_, v) => ({ id: v % 30 === 0 ? 0 : v, v }));
    const other = many.map(({ id, v }) => ({ id, v: v === 7 ? -1 : v })).toReversed();
    const { report, opened } = await diff(source('ndjson', lines(many)), source('ndjson', lines(other)), {
      memoryBytes: 500,
    });
    expect(report).toMatchObject({ equal: 2999, changed: 1, duplicates: { a: 99, b: 99 } });
    expect(opened).toBeGreaterThan(2);
  });

  it('gives the same output for the same input', async () => {
    const a = Array.from({ length: 500 }, (_, id) => ({ id }));
    const b = Array.from({ length: 500 }, (_, id) => ({ id: id + 7 }));
    const once = await diff(source('ndjson', lines(a)), source('ndjson', lines(b)), { memoryBytes: 100 });
    const again = await diff(source('ndjson', lines(a)), source('ndjson', lines(b)), { memoryBytes: 100 });
    expect(again.changes).toEqual(once.changes);
    expect(once.report).toMatchObject({ added: 7, removed: 7, equal: 493 });
  });

  it.each([10, undefined])('counts and tells rows that are not the format (memory %s)', async (memoryBytes) => {
    const a = source('ndjson', ['{"id":1}\n{"id":\n{"id":3}\n'], 'a.ndjson');
    const b = source('ndjson', ['{"id":1}\n{"id":3,"v":1}\n'], 'b.ndjson');
    const limit = memoryBytes === undefined ? {} : { memoryBytes };
    const { report, changes } = await diff(a, b, limit);
    expect(report).toMatchObject({ rowsA: 2, rowsB: 2, equal: 1, changed: 1, undecodable: { a: 1, b: 0 } });
    expect(report.undecodable.samples[0]).toMatch(/^a\.ndjson: row 1 \(byte 9\)/);
    expect(changes).toMatchObject([{ rowA: 2, rowB: 1 }]);
  });

  it.each([
    ['open', 'EACCES', 'STORAGE_DENIED'],
    ['append', 'ENOSPC', 'STORAGE_FULL'],
    ['read', 'EIO', 'STORAGE_IO'],
  ] as const)('says what is wrong with the disk when it fails to %s', async (operation, errno, code) => {
    const files = new MemoryFileSystem();
    await files.mkdir('spill');
    const wide = Array.from({ length: 200 }, (_, id) => ({ id, text: 'x'.repeat(1000) }));
    const [a, b] = [source('ndjson', lines(wide)), source('ndjson', lines(wide))];
    files.failNext(operation, errno);
    const running = diffSources(a, b, { key: ['id'], openSpill: spillTo(files, 'spill'), memoryBytes: 1 });
    await expect(running).rejects.toMatchObject({ name: 'StorageError', code });
    expect(await files.readdir('spill')).toEqual([]);
  });

  it('joins the parts of a table before it compares', async () => {
    const part = (from: number, texts: readonly string[]): Columns => ({
      columns: [
        { name: 'id', type: 'int', nullable: false, key: true },
        { name: 't', type: 'text', nullable: true, key: false },
        { name: 'w', type: 'bigint', nullable: true, key: false },
      ],
      rows: texts.map((_, row) => row),
      vectors: [
        numberVector(Int32Array.from(texts, (_, row) => from + row)),
        textsOf(texts),
        wideVector(
          BigInt64Array.from(texts, (_, row) => BigInt(from + row)),
          from > 0 ? undefined : Uint8Array.from(texts, () => 1),
        ),
      ],
    });
    const [first, second] = [part(0, ['a', 'bc']), part(2, ['', 'd', 'e'])];
    const whole = part(0, ['a', 'bc', '', 'D', 'e']);
    const a = columnsSource('a', whole.columns, each([first, second]));
    const { changes } = await diff(a, columnsSource('b', whole.columns, each([whole])));
    expect(changes).toEqual([
      { kind: 'changed', key: [3], rowA: 3, rowB: 3, cells: [{ field: 't', before: 'd', after: 'D' }] },
    ]);
  });
});

describe('formats against each other', () => {
  const csv = 'id,v,ok,name,when\n1,1.50,true,x,2024-01-01T00:00:00Z\n2,,false,"",2024-01-02\n';

  it('takes the text of csv for what it spells', async () => {
    const json = source('json', [
      '[{"id":1,"v":1.5,"ok":true,"name":"x","when":"2024-01-01T00:00:00Z"},{"id":2,"ok":false,"name":"","when":"2024-01-02"}]',
    ]);
    expect((await diff(source('csv', [csv]), json)).changes).toEqual([]);
  });

  it('tells an empty cell from an empty text, and 007 from 7', async () => {
    const json = source('ndjson', ['{"id":"007","v":""}\n']);
    const { changes } = await diff(source('csv', ['id,v\n007,\n']), json);
    expect(changes).toMatchObject([{ kind: 'changed', cells: [{ field: 'v', before: null, after: '' }] }]);
    const number = source('ndjson', ['{"id":7}\n']);
    expect((await diff(source('csv', ['id\n007\n']), number)).report).toMatchObject({ added: 1, removed: 1 });
  });

  it('finds the rows of csv again after they were on a disk', async () => {
    const { report } = await diff(source('csv', [csv]), source('csv', [csv.replace('1.50', '1.51')]), {
      memoryBytes: 1,
    });
    expect(report).toMatchObject({ equal: 1, changed: 1, fields: [{ field: 'v', changed: 1 }] });
  });

  it('takes the time of a point for the instant that a text or a timestamp column tells', async () => {
    const points = source('line-protocol', ['m,host=a v=1i 1704067200000000000\n']);
    const json = source('ndjson', ['{"measurement":"m","host":"a","v":1,"time":"2024-01-01T00:00:00Z"}\n']);
    expect((await diff(points, json, { key: ['time'] })).changes).toEqual([]);
    const columns = [
      { name: 'time', type: 'timestamp', unit: 'ms', nullable: false, key: true },
      { name: 'v', type: 'int', nullable: true, key: false },
    ] as const;
    const vectors = [wideVector(BigInt64Array.of(1_704_067_200_000n)), numberVector(Int32Array.of(1))];
    const table = columnsSource('t', columns, each([{ columns, rows: [0], vectors }]));
    const text = source('ndjson', ['{"time":"2024-01-01T01:00:00+01:00","v":1.0}\n']);
    for (const memoryBytes of [1, 1e6])
      expect((await diff(table, text, { key: ['time'], memoryBytes })).changes).toEqual([]);
  });

  it('takes null in a table for absent in JSON, and keeps them apart in JSON alone', async () => {
    const a = (): RecordSource => source('ndjson', ['{"id":1,"v":null}\n']);
    const b = (): RecordSource => source('ndjson', ['{"id":1}\n']);
    expect((await diff(a(), b())).report.changed).toBe(1);
    expect((await diff(a(), b(), {}, ['v=null-absent'])).report.changed).toBe(0);
    expect((await diff(source('csv', ['id,v\n1,\n']), b())).report.changed).toBe(0);
  });

  it('keeps integers beyond 2^53 exact on both ways', async () => {
    const a = '{"id":9007199254740993,"v":9007199254740993}\n';
    const b = '{"id":9007199254740993,"v":9007199254740992}\n';
    for (const memoryBytes of [1, 1e6]) {
      const { changes } = await diff(source('ndjson', [a]), source('ndjson', [b]), { memoryBytes });
      const cells = [{ field: 'v', before: 9007199254740993n, after: 9007199254740992n }];
      expect(changes).toMatchObject([{ kind: 'changed', cells }]);
    }
  });
});

describe('numbers that no double holds', () => {
  const [first, second] = ['0.10000000000000000001', '12345678901234567890.123456789012345678'];
  const rows = (price: string): readonly string[] => [`{"id":1,"price":${price}}\n`, '{"id":2,"price":0.1}\n'];
  const decimals = (price: string): RecordSource => {
    const columns: Columns = {
      columns: [
        { name: 'id', type: 'int', nullable: false, key: true },
        { name: 'price', type: 'decimal', nullable: false, key: false },
      ],
      rows: [0, 1],
      vectors: [numberVector(Int32Array.of(1, 2)), cellVector([price, '0.100'])],
    };
    return columnsSource('columns', columns.columns, each([columns]));
  };

  it.each([undefined, 1])(
    'are compared to the last digit, in memory and through a disk (%s)',
    async (memoryBytes) => {
      const options = memoryBytes === undefined ? {} : { memoryBytes };
      for (const price of [first, second]) {
        const other = `${price.slice(0, -1)}7`;
        const same = await diff(source('ndjson', rows(price)), source('ndjson', rows(price)), options);
        expect(same.report).toMatchObject({ equal: 2, changed: 0 });
        const apart = await diff(source('ndjson', rows(price)), source('ndjson', rows(other)), options);
        expect(apart.report).toMatchObject({ equal: 1, changed: 1 });
        const typed = await diff(source('ndjson', rows(price)), decimals(price), options);
        expect(typed.report).toMatchObject({ equal: 2, changed: 0 });
        const typedApart = await diff(source('ndjson', rows(other)), decimals(price), options);
        expect(typedApart.report).toMatchObject({ equal: 1, changed: 1 });
      }
    },
  );
});
