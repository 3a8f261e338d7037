import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OTHER_FIELDS } from '../../../src/core/loss.ts';
import { DriftBook, driftKindOf, NO_COLUMN } from '../../../src/schema/drift/drift-book.ts';
import {
  DATA_NAMES_MAX,
  DRIFT_KINDS,
  type DriftReport,
  emptyDrift,
  mergeDrift,
} from '../../../src/schema/drift/drift-report.ts';
import { driftTable, percent } from '../../../src/schema/drift/drift-words.ts';

const NAMES = ['id', 'temp', 'meta'];

/** What a check would write down, as data. */
const notes = fc.array(
  fc.record({
    column: fc.integer({ min: -1, max: 2 }),
    kind: fc.constantFrom(...DRIFT_KINDS),
    row: fc.nat(99),
    count: fc.integer({ min: 1, max: 3 }),
    extra: fc.constantFrom('site', 'x', 'temp'),
  }),
  { maxLength: 40 },
);

function bookOf(entries: typeof notes extends fc.Arbitrary<infer T> ? T : never, rows = 200): DriftBook {
  const book = new DriftBook(NAMES);
  book.look(rows);
  for (const { column, kind, row, count, extra } of entries) {
    book.add(column, NAMES[column] ?? extra, kind, row, row, count);
  }
  return book;
}

describe('the book of drift', () => {
  it('counts each cell once, under its field and kind', () => {
    fc.assert(
      fc.property(notes, (entries) => {
        const report = bookOf(entries).report();
        const expected = new Map<string, number>();
        for (const { column, kind, count, extra } of entries) {
          const key = `${column < 0 ? 'name' : 'field'} ${NAMES[column] ?? extra} ${kind}`;
          expected.set(key, (expected.get(key) ?? 0) + count);
        }
        const found = report.entries.map(
          ({ field, kind, isDeclared, count }) =>
            [`${isDeclared ? 'field' : 'name'} ${field} ${kind}`, count] as const,
        );
        expect(new Map(found)).toEqual(expected);
        expect(report.mismatched).toBe(entries.reduce((sum, { count }) => sum + count, 0));
      }),
    );
  });

  it('takes an unknown field for a cell, a duplicate too, and an absent optional one for none', () => {
    const book = new DriftBook(NAMES);
    book.look(2);
    book.addAbsent(1);
    book.add(NO_COLUMN, 'site', 'extra', 0, 'north');
    book.add(0, 'id', 'duplicate', 1, 7);
    book.add(0, 'id', 'type', 1, 'seven');
    expect([book.cells, book.mismatched, book.divergence]).toEqual([7, 3, 3 / 7]);
    expect(book.fields).toEqual([
      { field: 'id', cells: 2, mismatched: 1 },
      { field: 'temp', cells: 1, mismatched: 0 },
      { field: 'meta', cells: 2, mismatched: 0 },
    ]);
  });

  it('diverges by nothing when it has seen nothing', () => {
    expect(new DriftBook(NAMES).report()).toMatchObject({ divergence: 0, cells: 0, entries: [] });
    expect(String(new DriftBook(NAMES))).toBe('');
  });

  it('asks for a sample three times at most, and shows 120 characters of it', () => {
    const book = new DriftBook(NAMES);
    let asked = 0;
    const sample = () => {
      asked += 1;
      return 'x'.repeat(1_000);
    };
    for (let row = 0; row < 10; row += 1) book.add(0, 'id', 'type', row, sample);
    expect(asked).toBe(3);
    const [entry] = book.report().entries;
    expect(entry?.count).toBe(10);
    expect(entry?.samples.map(({ row, value }) => [row, value.length])).toEqual([
      [0, 120],
      [1, 120],
      [2, 120],
    ]);
  });

  it('keeps a path below a field apart from the field, and counts it for the field', () => {
    const book = new DriftBook(NAMES);
    book.look(4);
    book.add(2, 'meta.rssi', 'type', 0, '-70');
    book.add(2, 'meta', 'null', 1, null);
    expect(book.report().entries).toMatchObject([
      { field: 'meta.rssi', kind: 'type', isDeclared: false, count: 1, samples: [{ row: 0, value: '"-70"' }] },
      { field: 'meta', kind: 'null', isDeclared: true, count: 1 },
    ]);
    expect(book.fields[2]).toEqual({ field: 'meta', cells: 4, mismatched: 2 });
  });

  it('keeps 256 names from the data and lets the others share one entry per kind, with no count lost', () => {
    const book = new DriftBook(NAMES);
    for (let name = 0; name < 1_000; name += 1) book.add(NO_COLUMN, `field ${name}`, 'extra', name, name);
    book.add(NO_COLUMN, 'field 0', 'extra', 0, 0);
    book.add(0, 'id', 'type', 0, 0);
    const { entries, mismatched } = book.report();
    expect(entries).toHaveLength(DATA_NAMES_MAX + 2);
    expect(mismatched).toBe(1_002);
    expect(entries.find(({ field }) => field === OTHER_FIELDS)?.count).toBe(1_000 - DATA_NAMES_MAX);
    expect(entries.find(({ field }) => field === 'field 0')?.count).toBe(2);
  });

  it('keeps 120 characters of a name', () => {
    const book = new DriftBook(NAMES);
    book.add(NO_COLUMN, 'n'.repeat(1_000_000), 'extra', 0, 1);
    expect(book.report().entries[0]?.field).toHaveLength(120);
  });

  it('hands out reports that later rows do not change', () => {
    const book = bookOf([{ column: 0, kind: 'type', row: 0, count: 1, extra: 'x' }]);
    const report = book.report();
    const before = JSON.stringify(report);
    book.add(0, 'id', 'type', 1, 1);
    expect(JSON.stringify(report)).toBe(before);
  });

  it('says itself in one bounded line, the most frequent first', () => {
    const book = new DriftBook(NAMES);
    book.add(0, 'id', 'type', 0, 1, 3);
    book.add(NO_COLUMN, 'US\nGross', 'extra', 0, 1, 64);
    expect(String(book)).toBe('US Gross: extra 64x; id: type 3x');
    for (let name = 0; name < 20; name += 1) book.add(NO_COLUMN, `${name}`.repeat(80), 'extra', 0, 1);
    expect(String(book)).toMatch(/; and 14 more$/);
    expect(String(book).length).toBeLessThan(500);
  });

  it('names what readers find in its own words', () => {
    expect(['unknown', 'range', 'missing', 'length'].map(driftKindOf)).toEqual([
      'extra',
      'range',
      'missing',
      'path',
    ]);
  });
});

describe('merging reports', () => {
  const reports = notes.map((entries) => bookOf(entries).report());

  it('adds up as if it had been one batch', () => {
    fc.assert(
      fc.property(notes, notes, (first, second) => {
        const whole = bookOf([...first, ...second], 400).report();
        expect(mergeDrift(bookOf(first).report(), bookOf(second).report())).toEqual(whole);
      }),
    );
  });

  it('gives the same in whatever groups', () => {
    fc.assert(
      fc.property(reports, reports, reports, (a, b, c) => {
        expect(mergeDrift(mergeDrift(a, b), c)).toEqual(mergeDrift(a, mergeDrift(b, c)));
      }),
    );
  });

  it('adds up rows that could not be read', () => {
    const unread = (rows: number): DriftReport => {
      const book = new DriftBook(NAMES);
      book.skip(rows);
      return book.report();
    };
    expect(mergeDrift(unread(2), unread(3)).undecodable).toBe(5);
  });

  it('leaves a report as it is when merged with that of nothing', () => {
    fc.assert(
      fc.property(reports, (report) => {
        expect(mergeDrift(emptyDrift, report)).toEqual(report);
        expect(mergeDrift(report, emptyDrift)).toEqual(report);
      }),
    );
  });

  it('loses no count when names from the data are too many', () => {
    const many = (prefix: string): DriftReport => {
      const book = new DriftBook(NAMES);
      for (let name = 0; name < 300; name += 1) book.add(NO_COLUMN, `${prefix}${name}`, 'extra', name, name);
      return book.report();
    };
    const merged = mergeDrift(many('a'), many('b'));
    expect(merged.entries).toHaveLength(DATA_NAMES_MAX + 1);
    expect(merged.entries.reduce((sum, { count }) => sum + count, 0)).toBe(600);
  });

  it('is plain JSON', () => {
    const report = bookOf([{ column: 1, kind: 'range', row: 3, count: 1, extra: 'x' }]).report();
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe('the table of drift', () => {
  it('shows fields, kinds, counts and an example that cannot draw', () => {
    const book = new DriftBook(NAMES);
    book.look(40);
    book.skip(2);
    book.add(1, 'temp', 'type', 7, 'a\u001b[31m\nb', 10);
    book.add(NO_COLUMN, 'si\u202ete', 'extra', 3, { a: 1n });
    expect(driftTable(book.report()).split('\n')).toEqual([
      'field  mismatch  cells  of field  example',
      'temp   type         10    25.0 %  row 7: "a\\u001b[31m\\nb"',
      'si·te  extra         1            row 3: {"a":1}',
      '11 of 121 cells mismatched (9.09 %) in 40 rows; 2 more could not be read',
    ]);
  });

  it('is one line when nothing mismatched', () => {
    const book = new DriftBook(NAMES);
    book.look(5);
    expect(driftTable(book.report())).toBe('0 of 15 cells mismatched (0 %) in 5 rows');
  });

  it('never rounds something to nothing, nor nearly all to all', () => {
    expect([0, 1e-9, 0.012345, 0.25, 0.99999, 1].map(percent)).toEqual([
      '0 %',
      '<0.01 %',
      '1.23 %',
      '25.0 %',
      '>99.99 %',
      '100 %',
    ]);
  });
});
