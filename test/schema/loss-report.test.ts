import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LossEntry, LossReport, RefusedEntry } from '../../src/core/loss.ts';
import { emptyLoss, mergeLoss, OTHER_FIELDS, STRIPPED_MAX } from '../../src/core/loss.ts';
import type { Change } from '../../src/schema/change.ts';
import { decadeOf } from '../../src/schema/loss/decades.ts';
import { LossBook } from '../../src/schema/loss/loss-book.ts';
import { lossTable } from '../../src/schema/loss/loss-table.ts';

function entry(name: string, count: number, before = '1', lossless = true): LossEntry {
  return { field: name, kind: 'renamed', lossless, count, samples: [{ row: 0, before, after: '2' }] };
}

function reportOf(...entries: LossEntry[]): LossReport {
  return { entries, cells: entries.reduce((sum, { count }) => sum + count, 0), cellsTotal: 100 };
}

describe('merging loss reports', () => {
  it('adds counts by field, kind and losslessness, keeps three samples and changes neither report', () => {
    const a = reportOf(entry('a', 2), entry('b', 1));
    const before = structuredClone(a);
    const merged = [a, a, a, a].reduce(mergeLoss, emptyLoss);
    expect(merged.entries.map(({ field, count, samples }) => [field, count, samples.length])).toEqual([
      ['a', 8, 3],
      ['b', 4, 3],
    ]);
    expect([merged.cells, merged.cellsTotal]).toEqual([12, 400]);
    expect(mergeLoss(reportOf(entry('a', 1)), reportOf(entry('a', 1, '1', false))).entries).toHaveLength(2);
    expect(a).toEqual(before);
    expect(emptyLoss.entries).toHaveLength(0);
  });
});

describe('the loss table', () => {
  it('aligns its columns, counts descending, and shortens samples to one line of 32 characters', () => {
    const table = lossTable(
      reportOf(entry('a', 2, 'x'.repeat(100)), entry('long name', 10, 'a\n\u001b[31mb', false)),
    );
    expect(table.split('\n')).toEqual([
      'field      change   lossy  cells  example',
      'long name  renamed  yes       10  a··[31mb -> 2',
      `a          renamed  no         2  ${'x'.repeat(31)}… -> 2`,
      '12 of 100 cells changed',
    ]);
  });

  it('says so when nothing changed', () => {
    expect(lossTable(emptyLoss).split('\n').at(-1)).toBe('0 of 0 cells changed');
  });
});

describe('the decade of an error', () => {
  it.each([
    [1, 0],
    [0.999999999999999, -1],
    [9.99, 0],
    [10, 1],
    [0.001, -3],
    [1e-5, -5],
    [1e23, 23],
    [5e-324, -324],
    [Number.MAX_VALUE, 308],
  ])('%s is in 10^%s', (error, exponent) => {
    expect(decadeOf(error)).toBe(exponent);
  });

  it('starts at its power of ten, for each that a double can hold', () => {
    for (let exponent = -300; exponent <= 308; exponent += 1) {
      const power = Number(`1e${exponent}`);
      expect(decadeOf(power)).toBe(exponent);
      expect(decadeOf(power * (1 - Number.EPSILON))).toBe(exponent - 1);
    }
  });
});

const FIELDS = ['a', 'b', 'meta'];
/** Names on both sides of what is kept, so that entries are given up and taken back. */
const strippedName = fc.integer({ min: 0, max: STRIPPED_MAX + 40 }).map((name) => `x${name}`);
const change = fc
  .record({
    column: fc.integer({ min: -1, max: 2 }),
    kind: fc.constantFrom('rounded', 'number-from-text', 'nulled', 'renamed'),
    lossless: fc.boolean(),
    value: fc.oneof(fc.integer(), fc.bigInt(), fc.string({ unit: 'binary', maxLength: 5 })),
    error: fc.constantFrom(0, 0.5, 1e-3, 9.99e-4, 1e300, 5e-324),
    name: strippedName,
    paths: fc.array(fc.constantFrom('.x', '[]', '.x.y'), { maxLength: 2 }),
  })
  .map(({ column, kind, lossless, value, error, name, paths }): Change => {
    const isStripped = column < 0;
    const part = { kind, lossless, before: value, after: null, error: kind === 'rounded' ? error : 0 } as const;
    const base = { ...part, column, source: 's', before: value };
    if (isStripped)
      return { ...base, field: name, kind: 'stripped', lossless: false, error: 0, after: undefined };
    if (column < 2) return { ...base, field: FIELDS[column] ?? '' };
    const parts = paths.map((path) => ({ ...part, path }));
    return {
      ...base,
      field: 'meta',
      kind: 'nested',
      error: 0,
      parts: [
        ...parts,
        { ...part, path: `.${name}`, kind: 'stripped', lossless: false, error: 0, after: undefined },
      ],
    };
  });
type Refused = Parameters<LossBook['refuse']>[1];
const refusal: fc.Arbitrary<Refused> = fc.oneof(
  fc.record({
    field: fc.constantFrom(...FIELDS),
    kind: fc.constantFrom('type', 'range'),
    before: fc.integer(),
  }),
  fc.record({ field: strippedName, kind: fc.constant('unknown'), before: fc.integer() }),
);
const event = fc.oneof({ weight: 3, arbitrary: change }, refusal);
const events = fc.array(event, { maxLength: 400, size: 'max' });

function reportFrom(list: readonly (Change | Refused)[], firstRow: number): LossReport {
  const book = new LossBook();
  list.forEach((each, index) => {
    book.look(1);
    if ('column' in each) book.add(firstRow + index, each);
    else book.refuse(firstRow + index, each);
  });
  return book.report();
}

describe('reports of batches', () => {
  it('merge into the report of all rows at once, whichever are merged first', () => {
    fc.assert(
      fc.property(events, events, events, (a, b, c) => {
        const [x, y, z] = [reportFrom(a, 0), reportFrom(b, a.length), reportFrom(c, a.length + b.length)];
        const left = mergeLoss(mergeLoss(x, y), z);
        expect(mergeLoss(x, mergeLoss(y, z))).toEqual(left);
        expect(sorted(left)).toEqual(sorted(reportFrom([...a, ...b, ...c], 0)));
      }),
      { numRuns: 60 },
    );
  });

  it('count every changed cell exactly once, and survive JSON', () => {
    fc.assert(
      fc.property(events, (list) => {
        const report = reportFrom(list, 0);
        const changes = list.filter((each): each is Change => 'column' in each);
        const cells = changes.reduce((sum, { parts }) => sum + (parts?.length ?? 1), 0);
        expect([report.cells, report.entries.reduce((sum, { count }) => sum + count, 0)]).toEqual([
          cells,
          cells,
        ]);
        expect(report.refused?.reduce((sum, { count }) => sum + count, 0) ?? 0).toBe(
          list.length - changes.length,
        );
        for (const { error, count } of report.entries) {
          expect(error?.decades.reduce((sum, [, errors]) => sum + errors, 0) ?? 0).toBeLessThanOrEqual(count);
        }
        expect(JSON.parse(JSON.stringify(report))).toEqual(report);
        expect(report.entries.filter(({ kind }) => kind === 'stripped').length).toBeLessThanOrEqual(
          STRIPPED_MAX + 1,
        );
      }),
      { numRuns: 100 },
    );
  });

  it('keep as many names of unknown fields that cost their rows, and count the others together', () => {
    const refused = Array.from({ length: 3 * STRIPPED_MAX }, (_, index): Refused => {
      return { field: `name${index}`, kind: 'unknown', before: 1 };
    });
    const whole = reportFrom([...refused, { field: 'at', kind: 'format', before: 'soon' }], 0).refused ?? [];
    expect(whole).toHaveLength(STRIPPED_MAX + 2);
    expect(whole.find(({ field }) => field === OTHER_FIELDS)).toMatchObject({
      kind: 'unknown',
      count: 2 * STRIPPED_MAX,
    });
    const halves = [refused.slice(0, 400), refused.slice(400)].map((half) => reportFrom(half, 0));
    const merged = halves.reduce(mergeLoss, emptyLoss).refused ?? [];
    expect(merged.map(({ field }) => field).sort()).toEqual(
      whole
        .map(({ field }) => field)
        .filter((field) => field !== 'at')
        .sort(),
    );
  });

  it('keep the same names of stripped fields in whatever order they come, and bound their length', () => {
    const names = Array.from(
      { length: 2 * STRIPPED_MAX },
      (_, index) => `name${String(index).padStart(4, '0')}`,
    );
    const stripped = (list: readonly string[]) =>
      reportFrom(
        list.map((name) => ({
          field: name,
          column: -1,
          source: name,
          kind: 'stripped',
          lossless: false,
          before: 1,
          after: undefined,
        })),
        0,
      );
    const up = sorted(stripped(names));
    expect(sorted(stripped([...names].reverse())).entries.map(({ field, count }) => [field, count])).toEqual(
      up.entries.map(({ field, count }) => [field, count]),
    );
    expect(up.entries.find(({ field }) => field === OTHER_FIELDS)?.count).toBe(STRIPPED_MAX);
    expect(
      stripped(['x'.repeat(10_000), '\ud800'.repeat(500)]).entries.every(({ field }) => field.length <= 120),
    ).toBe(true);
  });
});

/** Entries by name; samples and counts as they are. */
function sorted(report: LossReport): LossReport {
  const key = ({ field, kind, lossless }: LossEntry) => JSON.stringify([field, kind, lossless]);
  const entries = [...report.entries].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  if (!report.refused) return { ...report, entries };
  const ofRefused = ({ field, kind }: RefusedEntry) => JSON.stringify([field, kind]);
  const refused = [...report.refused].sort((a, b) => (ofRefused(a) < ofRefused(b) ? -1 : 1));
  return { ...report, entries, refused };
}

describe('the table of errors and refusals', () => {
  it('shows the largest error with its spread over decades, and what was refused by field and fault', () => {
    const spread = (decades: [number, number][], max: number) => ({ max, decades });
    const report: LossReport = {
      entries: [
        {
          ...entry('temp', 40, '21.004', false),
          kind: 'rounded',
          error: spread(
            [
              [-4, 2],
              [-3, 30],
              [-1, 8],
            ],
            0.4999999,
          ),
        },
        { ...entry('count', 3, '1.5', false), kind: 'rounded', error: spread([[-1, 3]], 0.5) },
        entry('hum', 1),
      ],
      cells: 44,
      cellsTotal: 100,
      refused: [
        { field: 'at', kind: 'format', count: 1, samples: [{ row: 3, before: '"soon"' }] },
        { field: 'meta.rssi', kind: 'type', count: 12, samples: [] },
      ],
    };
    expect(lossTable(report).split('\n')).toEqual([
      'field  change   lossy  cells  largest error        example',
      'temp   rounded  yes       40  0.5  1e-4 ▁█ ▃ 1e-1  21.004 -> 2',
      'count  rounded  yes        3  0.5                  1.5 -> 2',
      'hum    renamed  no         1                       1 -> 2',
      '44 of 100 cells changed',
      '',
      'field      refused for  cells  example',
      'meta.rssi  type            12',
      'at         format           1  "soon"',
      '13 cells refused, whose rows did not land in this way',
    ]);
  });
});
