import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { driftText, renamedColumns } from '../../src/cli/demo/drift.ts';
import { compareRecord, expectedColumns, foldName } from '../../src/cli/demo/expectation.ts';
import type { ReceiptMessage } from '../../src/cli/demo/messages.ts';
import { releaseOutput, replaceOutput } from '../../src/cli/demo/output-directory.ts';
import { layItems, type PlannedFeed } from '../../src/cli/demo/plan.ts';
import { type ProofInput, proveChain } from '../../src/cli/demo/proof.ts';
import { MOVIES_SCHEMA } from '../../src/cli/demo/schemas.ts';
import { readRecords } from '../../src/cli/demo/source-records.ts';
import { lossRows, refusedRows } from '../../src/cli/demo/story.ts';
import { Tally } from '../../src/cli/demo/tally.ts';
import { readWarehouse, takeAway } from '../../src/cli/demo/warehouse.ts';
import { decodeRecord, framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import type { ReconcileReport } from '../../src/reconcile/ledger.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tierfall-demo-'));
});
afterEach(() => rm(directory, { recursive: true }));

const SCHEMA = {
  type: 'object',
  properties: {
    Title: { type: ['string', 'null'] },
    Gross: { type: ['integer', 'null'] },
    Day: { type: ['string', 'null'], format: 'date', 'x-format': 'MMM DD YYYY' },
  },
};
const SOURCE = '[{"Title":"A","Gross":1,"Day":"Jun 12 1998"},{"title":7,"GROSS":2,"Day":null},{"x":1},{"x":2}]';

const SETTLED: ReconcileReport = {
  rows: 2,
  delivered: 0,
  degraded: 0,
  alreadyHeld: 0,
  quarantined: 2,
  discarded: 0,
  pending: 0,
  released: 0,
  missing: 0,
  objects: 1,
  settled: 1,
  balanced: true,
  perObject: [],
  damaged: [],
  expired: { objects: 0, rows: 0, heals: { objects: 0, rows: 0 }, refs: new Set() },
  outages: [],
};

/** A warehouse with the first two records of SOURCE, and the change of a saboteur. */
function warehouseWith(sabotage = ''): string {
  const file = join(directory, 'warehouse.db');
  const database = new DatabaseSync(file);
  database.exec(
    `DROP TABLE IF EXISTS movies;
     CREATE TABLE movies (tierfall_key TEXT PRIMARY KEY, Title TEXT, Gross INTEGER, Day TEXT) STRICT;
     INSERT INTO movies VALUES ('k-0', 'A', 1, '1998-06-12'), ('k-1', '7', 2, NULL); ${sabotage}`,
  );
  database.close();
  return file;
}

function proofOf(sabotage: string, changes: Partial<ProofInput> = {}) {
  return proveChain({
    chain: 'movies',
    columns: expectedColumns(SCHEMA),
    feeds: [
      {
        label: 'movies.json',
        format: 'json',
        records: readRecords(SOURCE, 'json'),
        batches: [{ key: 'k', first: 0, rows: 4 }],
      },
    ],
    rows: readWarehouse(warehouseWith(sabotage), 'movies'),
    aside: [aside(2, '[{"x":1}]'), aside(3, '{"x": 2}')],
    receipts: { records: 4, delivered: 1, degraded: 1, deferred: 2, rejected: 0 },
    report: SETTLED,
    ...changes,
  });
}

function aside(originalRow: number, body: string) {
  return { batchKey: 'k', originalRow, body: Buffer.from(body) };
}

describe('the proof of the demo', () => {
  it('holds when every record is in one place and says what the source says', () => {
    expect(proofOf('')).toMatchObject({
      records: 4,
      verbatim: 1,
      coerced: 1,
      quarantined: 2,
      faults: [],
      missing: [],
    });
  });

  it.each([
    ['a row is gone', "DELETE FROM movies WHERE tierfall_key = 'k-1'", 'movies.json #1'],
    ['a cell is another', "UPDATE movies SET Gross = 3 WHERE tierfall_key = 'k-1'", 'Gross: the source says 2'],
    [
      'a cell is lost',
      "UPDATE movies SET Day = NULL WHERE tierfall_key = 'k-0'",
      'Day: the source says "Jun 12 1998"',
    ],
    [
      'a row comes from nowhere',
      "INSERT INTO movies VALUES ('z-0', 'Z', 0, NULL)",
      'no source record explains: z-0',
    ],
    [
      'a row lies also in quarantine',
      "INSERT INTO movies VALUES ('k-2', NULL, NULL, NULL)",
      'is in two places',
    ],
    ['the table is gone', 'DROP TABLE movies', '2 records are nowhere: movies.json #0'],
  ])('fails when %s', (_, sabotage, words) => {
    expect(proofOf(sabotage).faults.join('\n')).toContain(words);
  });

  it('fails when the quarantine lost a row, or changed it', () => {
    expect(proofOf('', { aside: [aside(2, '{"x":1}')] }).missing).toEqual(['movies.json #3']);
    const changed = proofOf('', { aside: [aside(2, '{"x":1}'), aside(3, '{"x":3}')] });
    expect(changed.faults).toEqual(['movies.json #3 is not in quarantine as it was sent']);
  });

  it('takes a row that was set aside twice across a kill for one record', () => {
    const twice = proofOf('', { aside: [aside(2, '{"x":1}'), aside(3, '{"x":2}'), aside(3, '{"x":2}')] });
    expect(twice).toMatchObject({ quarantined: 2, faults: [] });
  });

  it.each([
    [
      'receipts account for fewer',
      { receipts: { records: 4, delivered: 1, degraded: 1, deferred: 1, rejected: 0 } },
    ],
    ['rows still wait', { report: { ...SETTLED, pending: 1 } }],
    ['the store does not balance', { report: { ...SETTLED, balanced: false } }],
    ['the store holds less than was deferred', { report: { ...SETTLED, rows: 1 } }],
  ])('fails when %s', (_, changes) => {
    expect(proofOf('', changes).faults).toHaveLength(1);
  });
});

describe('the expectation of the demo', () => {
  const [movie] = readRecords('[{"Title":1776,"Release Date":"Nov 09 1972","US Gross":0,"extra":1}]', 'json');
  const row = new Map<string, string | bigint | null>([
    ['Title', '1776'],
    ['Release_Date', '1972-11-09'],
    ['US_Gross', 0n],
  ]);
  const judge = (cells: ReadonlyMap<string, string | bigint | null>) =>
    movie && compareRecord(movie, cells, expectedColumns(MOVIES_SCHEMA), false).verdict;

  it('takes numeric titles as text, dates in one spelling and renamed columns for the same fact', () => {
    expect(judge(row)).toBe('coerced');
  });

  it('does not take a neighbouring day, another number or a null for it', () => {
    expect(judge(new Map([...row, ['Release_Date', '1972-11-10']]))).toBe('differs');
    expect(judge(new Map([...row, ['US_Gross', 1n]]))).toBe('differs');
    expect(judge(new Map([...row, ['Title', null]]))).toBe('differs');
  });
});

describe('the demo reads its sources', () => {
  it('as the pipeline does, though with code of its own', () => {
    const cell = fc.oneof(
      fc.constantFrom(null, '', '"', 'a,b', 'x\ny', ' z '),
      fc.string({ unit: 'grapheme' }),
    );
    const rows = fc.array(fc.tuple(fc.string({ minLength: 1, unit: fc.constantFrom('a', '"', ',') }), cell), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(rows, (cells) => {
        const sources = cells.map(([a, b]) => ({
          values: new Map([
            ['a', a],
            ['b', b],
          ]),
          digest: '',
        }));
        const body = driftText(sources as never, 'csv');
        const batch = new Batch({ body, format: 'csv' }, 'test', framer, 0);
        const decoded = Array.from({ length: batch.rowCount }, (_, row) =>
          Object.values(decodeRecord(batch, row)),
        );
        expect(readRecords(body, 'csv').map(({ values }) => [...values.values()])).toEqual(decoded);
        expect(decoded).toEqual(cells.map(([a, b]) => [a, b]));
      }),
    );
  });

  it('with every digit of a long integer', () => {
    const [a, b] = readRecords('{"n":9007199254740993}\n{"n":9007199254740992}\n', 'ndjson');
    expect(a?.values.get('n')).toBe(9007199254740993n);
    expect(a?.digest).not.toBe(b?.digest);
  });
});

describe('drift on purpose', () => {
  it('writes every second name differently, so that only case and separators differ', () => {
    const renamed = renamedColumns(['id', 'unit_price', 'x', '数', 'a b', 'ab']);
    expect([...renamed]).toEqual([
      ['unit_price', 'UNIT_PRICE'],
      ['数', '数_'],
    ]);
    for (const [from, to] of renamed) expect(foldName(to)).toBe(foldName(from));
  });

  it('turns the numbers of renamed columns into text, and no others', () => {
    const drifted = driftText(readRecords('[{"a":1,"b":2,"c":[9007199254740993]}]', 'json'), 'json');
    expect(drifted).toBe('[{"a":1,"B":"2","c":[9007199254740993]}]\n');
  });
});

describe('the output directory of the demo', () => {
  it('is refused when it holds what no demo has made', async () => {
    await writeFile(join(directory, 'thesis.tex'), 'precious');
    await expect(replaceOutput(directory, ['movies'])).rejects.toMatchObject({ code: 'USAGE' });
    await replaceOutput(join(directory, 'fresh'), ['movies']);
    await releaseOutput(join(directory, 'fresh'));
    await writeFile(join(directory, 'fresh', 'thesis.tex'), 'precious');
    await expect(replaceOutput(join(directory, 'fresh'), ['movies'])).rejects.toMatchObject({ code: 'USAGE' });
    expect(await readFile(join(directory, 'fresh', 'thesis.tex'), 'utf8')).toBe('precious');
  });

  it('is emptied of what the demo before it has made', async () => {
    await replaceOutput(directory, ['movies']);
    await mkdir(join(directory, 'movies'));
    await releaseOutput(directory);
    await replaceOutput(directory, ['records']);
    expect(await readdir(directory)).toEqual(['.tierfall-demo.json']);
  });

  it('is refused while another demo works in it', async () => {
    await replaceOutput(directory, ['movies']);
    await expect(replaceOutput(directory, ['movies'])).rejects.toThrow('is at work');
  });

  it('never follows a marker out of the directory', async () => {
    const inner = join(directory, 'inner');
    await mkdir(inner);
    await mkdir(join(directory, 'other'));
    await writeFile(join(inner, '.tierfall-demo.json'), '{"demo":1,"made":["../other"]}');
    await replaceOutput(inner, ['movies']);
    expect(existsSync(join(directory, 'other'))).toBe(true);
  });
});

describe('the tally of the demo', () => {
  const receipt: ReceiptMessage = {
    type: 'receipt',
    phase: 'outage',
    feed: 'movies',
    chain: 'movies',
    batchKey: 'k',
    endOffset: 10,
    records: 50,
    delivered: 0,
    degraded: 0,
    deferred: 50,
    rejected: 0,
    latencyMs: 1,
    left: [],
  };

  it('counts a batch that came again after the kill once', () => {
    const tally = new Tally();
    tally.hear(receipt, 0);
    tally.hear(receipt, 1);
    expect([tally.inPhase('outage').deferred, tally.resubmitted]).toEqual([50, 50]);
  });

  it('keeps every record in one state of the timeline, also when rows were stored twice', () => {
    const tally = new Tally();
    const settled = { type: 'settled', chain: 'movies', delivered: 40, degraded: 0, quarantined: 10 } as const;
    tally.hear(receipt, 0);
    tally.hear({ ...settled, alreadyHeld: 0 }, 1);
    tally.hear({ ...settled, delivered: 0, quarantined: 0, alreadyHeld: 40 }, 2);
    expect(
      tally.timeline.map(({ replayed, deferred, quarantined }) => [replayed, deferred, quarantined]),
    ).toEqual([
      [0, 50, 0],
      [40, 0, 10],
      [40, 0, 10],
    ]);
  });
});

describe('the plan of the demo', () => {
  const feed = (id: string, count: number): PlannedFeed => ({
    ...{ id, chain: 'c', file: '/f', label: id, format: 'csv', batchRows: 1, records: count, isWhole: true },
    batches: Array.from({ length: count }, (_, at) => ({ offset: at, endOffset: at + 1, first: at, rows: 1 })),
  });

  it('sends every batch once, in file order, whatever the shares', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.nat(20), fc.nat(20), (a, b, first, second) => {
        const items = layItems(
          [feed('a', a), feed('b', b)],
          [
            ['clean', 'a', first],
            ['outage', 'a', second],
            ['outage', 'b', 'rest'],
            ['back', 'a', 'rest'],
          ],
        );
        for (const [id, count] of [
          ['a', a],
          ['b', b],
        ] as const) {
          const spans = items.filter((item) => item.feed === id);
          expect(spans.map(({ offset }) => offset)).toEqual(
            [0, ...spans.map((span) => span.endOffset)].slice(0, spans.length),
          );
          expect(spans.at(-1)?.endOffset ?? 0).toBe(count);
        }
      }),
    );
  });
});

describe('the warehouse', () => {
  it('refuses every write while it is taken away, and none afterwards', () => {
    const file = warehouseWith('PRAGMA journal_mode = WAL');
    const giveBack = takeAway(file);
    const other = new DatabaseSync(file, { timeout: 0 });
    expect(() => other.exec('DELETE FROM movies')).toThrow('locked');
    expect(readWarehouse(file, 'movies')).toHaveLength(2);
    giveBack();
    giveBack();
    other.exec('DELETE FROM movies');
    other.close();
    expect(readWarehouse(file, 'movies')).toEqual([]);
  });
});

describe('the loss report of the demo', () => {
  const entry = { field: 'a', kind: 'trimmed', lossless: false, count: 1, samples: [] };
  const error = { max: 0.25, decades: [[-1, 3] as const] };

  it('shows the errors of rounded numbers where there are some', () => {
    const plain = { entries: [entry], cells: 1, cellsTotal: 9 };
    expect(Object.keys(lossRows(plain)[0] ?? {})).not.toContain('largest error');
    const rounded = { ...entry, field: 'b', kind: 'rounded', count: 3, error };
    const rows = lossRows({ entries: [entry, rounded], cells: 4, cellsTotal: 9 });
    expect(rows.map((row) => [row['field'], row['largest error']])).toEqual([
      ['b', '0.25'],
      ['a', ''],
    ]);
  });

  it('shows the cells that were refused, most first', () => {
    const refused = [
      { field: 'id', kind: 'null', count: 1, samples: [{ row: 0, before: 'null' }] },
      { field: 'at', kind: 'format', count: 2, samples: [{ row: 1, before: '"soon"' }] },
    ];
    expect(refusedRows({ entries: [], cells: 0, cellsTotal: 9, refused })).toEqual([
      { field: 'at', 'refused for': 'format', cells: 2, example: '"soon"' },
      { field: 'id', 'refused for': 'null', cells: 1, example: 'null' },
    ]);
    expect(refusedRows({ entries: [], cells: 0, cellsTotal: 9 })).toEqual([]);
  });
});
