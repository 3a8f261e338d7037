import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.ts';
import { Float64, Int32, Schema, Utf8 } from '../../../src/schema/arrow.ts';
import { detectDrift } from '../../../src/schema/drift/detect-drift.ts';
import type { ShapeReport } from '../../../src/schema/drift/shape-report.ts';
import { compareShapes } from '../../../src/schema/drift/shape-report.ts';
import { ShapeTracker, type ShapeTrackerOptions } from '../../../src/schema/drift/shape-tracker.ts';
import { field } from '../schemas.ts';
import { recordsOf, schemas } from './drifting-records.ts';

const PLAIN_NAME = /^[\p{L}\p{N}_ /:@#%+*-]+$/u;

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Uint8Array) return 'bytes';
  return ['string', 'number', 'boolean', 'bigint', 'object'].includes(typeof value) ? typeof value : 'other';
}

/** The plainest way to say it: every path with its type, once per record. */
function membersOf(value: unknown, path = '$', depthLeft = 32): Set<string> {
  const type = typeOf(value);
  if (type !== 'object' && type !== 'array') return new Set([`${path}: ${type}`]);
  if (depthLeft === 0) return new Set([`${path}: deeper`]);
  const members = new Set([`${path}: ${type}`]);
  const nested =
    type === 'array'
      ? (value as unknown[]).map((element) => [`${path}[]`, element] as const)
      : Object.entries(value as object).flatMap(([name, member]) => {
          const step = PLAIN_NAME.test(name) ? name : JSON.stringify(name);
          return member === undefined ? [] : [[path === '$' ? step : `${path}.${step}`, member] as const];
        });
  for (const [inner, member] of nested) {
    for (const line of membersOf(member, inner, depthLeft - 1)) members.add(line);
  }
  return members;
}

/** Records by path and type, and by the whole set of them. */
function naive(records: readonly unknown[]) {
  const pairs: Record<string, number> = {};
  const shapes: Record<string, number> = {};
  const paths = new Map<string, number>();
  for (const record of records) {
    const members = [...membersOf(record)].sort();
    for (const member of members) pairs[member] = (pairs[member] ?? 0) + 1;
    for (const path of new Set(members.map((member) => member.slice(0, member.lastIndexOf(':'))))) {
      paths.set(path, (paths.get(path) ?? 0) + 1);
    }
    shapes[members.join('\n')] = (shapes[members.join('\n')] ?? 0) + 1;
  }
  return { pairs, shapes, paths };
}

function track(records: Iterable<unknown>, options: ShapeTrackerOptions = {}): ShapeTracker {
  const tracker = new ShapeTracker(options);
  for (const record of records) tracker.add(record);
  return tracker;
}

function pairsOf(tracker: ShapeTracker): Record<string, number> {
  return Object.fromEntries(
    tracker
      .histogram()
      .flatMap(({ path, types }) => Object.entries(types).map(([type, count]) => [`${path}: ${type}`, count])),
  );
}

function shapesOf(tracker: ShapeTracker): Record<string, number> {
  return Object.fromEntries(tracker.shapes().map(({ members, count }) => [members.join('\n'), count]));
}

/** Few names and values, so that shapes come back; names that lie in wait among them. */
const { value: anything } = fc.letrec<{ value: unknown; object: unknown; array: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, 1, 1.5, 'x', 5n, undefined, new Uint8Array(1)),
    tie('object'),
    tie('array'),
  ),
  object: fc
    .uniqueArray(
      fc.tuple(
        fc.constantFrom('a', 'b', 'a.b', '[]', '__proto__', 'toString', '1', '', '$', 'b"'),
        tie('value'),
      ),
      { selector: ([name]) => name, maxLength: 4 },
    )
    .map((members) => Object.fromEntries(members)),
  array: fc.array(tie('value'), { maxLength: 4 }),
}));

/** Each record several times, as nearly all data has it. */
const data = fc
  .array(anything, { maxLength: 8 })
  .chain((records) => fc.array(fc.constantFrom(undefined, ...records), { maxLength: 30 }));

describe('tracking shapes', () => {
  it('counts every path and type, and every shape, exactly as the plainest way does', () => {
    fc.assert(
      fc.property(data, (records) => {
        const tracker = track(records);
        const expected = naive(records);
        expect(pairsOf(tracker)).toEqual(expected.pairs);
        expect(shapesOf(tracker)).toEqual(expected.shapes);
        expect(new Map(tracker.histogram().map((use) => [use.path, use.records]))).toEqual(expected.paths);
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps the histogram exact and counts known shapes on when there are too many of them', () => {
    fc.assert(
      fc.property(data, fc.integer({ min: 1, max: 3 }), (records, shapesMax) => {
        const tracker = track(records, { shapesMax });
        const { unshaped, untracked } = tracker.report();
        const shapes = shapesOf(tracker);
        const counted = Object.values(shapes).reduce((sum, count) => sum + count, 0);
        expect([counted + unshaped, untracked]).toEqual([records.length, 0]);
        expect(pairsOf(tracker)).toEqual(naive(records).pairs);
        expect(Object.keys(shapes).length).toBeLessThanOrEqual(shapesMax);
        expect(naive(records).shapes).toMatchObject(shapes);
      }),
    );
  });

  it('says in how many records a path could be', () => {
    const uses = track([{ m: { a: 1 }, t: [] }, { m: null, t: [1] }, 5]).histogram();
    expect(uses.map(({ path, records, of }) => `${path} ${records}/${of}`)).toEqual([
      '$ 3/3',
      'm 2/2',
      'm.a 1/1',
      't 2/2',
      't[] 1/2',
    ]);
  });

  it('looks as deep as it is told, and says where it stopped', () => {
    const record = { a: { b: { c: 1 } }, l: [[[1]]] };
    expect(pairsOf(track([record, record], { depthMax: 2 }))).toEqual({
      '$: object': 2,
      'a: object': 2,
      'a.b: deeper': 2,
      'l: array': 2,
      'l[]: deeper': 2,
    });
  });

  it('takes records of the same members in another order for one shape', () => {
    const tracker = track([
      { a: 1, b: 'x' },
      { b: 'y', a: 2 },
      { a: 1, b: null },
    ]);
    expect(tracker.shapes().map(({ count, firstRow }) => [count, firstRow])).toEqual([
      [2, 0],
      [1, 2],
    ]);
  });

  it('makes no new shape of the length or order of an array', () => {
    const tracker = track([
      { t: [1, 'x'] },
      { t: ['x', 1, 1, 1] },
      { t: [{ a: 1 }, { b: 2 }] },
      { t: [{ b: 1 }, { a: 1 }, { b: 3 }] },
    ]);
    expect(tracker.shapes().map(({ count }) => count)).toEqual([2, 2]);
  });

  it('does not take inherited members for data', () => {
    const tracker = track([{ a: 1 }, { a: 1, b: 2 }, Object.assign(Object.create({ b: 2 }), { a: 1 })]);
    expect(tracker.shapes().map(({ members, count }) => [members.length, count])).toEqual([
      [2, 2],
      [3, 1],
    ]);
  });

  it.each([
    ['every', 0],
    ['every', 1.5],
    ['shapesMax', 0],
    ['shapesMax', 70_000],
    ['depthMax', 101],
  ])('refuses %s of %d', (name, value) => {
    expect(() => new ShapeTracker({ [name]: value })).toThrow(ConfigError);
    expect(() => new ShapeTracker({ [name]: value })).toThrow(`shapes.${name}: found ${value}`);
  });
});

describe('hostile records', () => {
  it('ends at nesting of ten thousand levels', () => {
    let list: unknown = 1;
    for (let level = 0; level < 10_000; level += 1) list = level % 2 === 0 ? [list] : { a: list };
    const tracker = track([list, list]);
    expect(tracker.shapes()).toMatchObject([{ count: 2 }]);
    expect(tracker.shapes()[0]?.members.some((member) => member.endsWith(': deeper'))).toBe(true);
  });

  it('leaves a record of a hundred thousand names without a shape, and has room for others after many of them', () => {
    const tracker = new ShapeTracker();
    for (let turn = 0; turn < 5; turn += 1) {
      tracker.add(Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`${turn}-${index}`, 1])));
    }
    for (let turn = 0; turn < 10; turn += 1) tracker.add({ a: turn });
    expect(tracker.report()).toMatchObject({ untracked: 5, records: 15, shapes: [{ count: 10 }] });
  });

  it('stays bounded when every record has names of its own', () => {
    const tracker = new ShapeTracker();
    tracker.add({ a: 1 });
    for (let row = 0; row < 40_000; row += 1) tracker.add({ [`key ${row}`]: 1, [`other ${row}`]: 2 });
    tracker.add({ a: 1 });
    const { unshaped, untracked, shapes, paths } = tracker.report();
    expect([shapes.length, shapes[0]?.count]).toEqual([16_384, 2]);
    expect(unshaped + untracked).toBe(40_002 - 16_385);
    expect(paths.length).toBe(65_536);
  });

  it('counts on exactly when every record has an order of its own', () => {
    const names = Array.from({ length: 12 }, (_, index) => `f${index}`);
    const tracker = new ShapeTracker();
    let seed = 7;
    for (let row = 0; row < 20_000; row += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      const turned = [...names].sort(
        (a, b) => ((a.charCodeAt(1) * seed) % 101) - ((b.charCodeAt(1) * seed) % 101),
      );
      const from = seed % 12;
      tracker.add(
        Object.fromEntries([...turned.slice(from), ...turned.slice(0, from)].map((name) => [name, 1])),
      );
    }
    expect(tracker.shapes().map(({ count }) => count)).toEqual([20_000]);
  });

  it('does not keep names of a megabyte', () => {
    const tracker = track([{ ['n'.repeat(1_000_000)]: 1 }, { a: 1 }]);
    expect(tracker.report()).toMatchObject({ untracked: 1, shapes: [{ count: 1 }] });
  });

  it('takes arrays of a million elements for what they hold', () => {
    const list = Array.from({ length: 1_000_000 }, (_, index) => (index % 2 === 0 ? index : { a: index }));
    expect(pairsOf(track([{ list }, { list }]))).toMatchObject({ 'list[]: number': 2, 'list[].a: number': 2 });
  });
});

describe('sampling', () => {
  const records = Array.from({ length: 16_000 }, (_, index) => (index % 16 === 0 ? { a: 1, b: 2 } : { a: 1 }));

  it('looks at one record in so many, and marks what it says as an estimate', () => {
    const report = track(records, { every: 16 }).report();
    expect(report).toMatchObject({ records: 16_000, looked: 1_000, isEstimate: true });
    expect(report.paths.find(({ path }) => path === 'a')?.records).toBe(16_000);
  });

  it('is not misled by a period of the data', () => {
    const { paths } = track(records, { every: 16 }).report();
    const estimate = paths.find(({ path }) => path === 'b')?.records ?? 0;
    expect(estimate).toBeGreaterThan(600);
    expect(estimate).toBeLessThan(1_500);
  });

  it('says the same every time', () => {
    expect(track(records, { every: 7 }).report()).toEqual(track(records, { every: 7 }).report());
  });

  it('estimates nothing from nothing', () => {
    const report = track([{ a: 1 }], { every: 1_000 }).report();
    expect(report).toMatchObject({
      records: 1,
      looked: 0,
      isEstimate: true,
      shapes: [],
      paths: [],
      untracked: 0,
    });
  });

  it('says exact what is exact', () => {
    expect(track(records).report()).toMatchObject({ isEstimate: false, looked: 16_000 });
  });
});

describe('fingerprints', () => {
  it('are of the set of shapes: not of counts, order or members', () => {
    const print = (...records: unknown[]): string => track(records).fingerprint;
    const base = print({ a: 1, b: { c: [1] } }, { a: 'x' });
    expect(base).toMatch(/^[0-9a-f]{16}$/);
    expect(print({ a: 'y' }, { b: { c: [2, 3] }, a: 5 }, { a: 'z' })).toBe(base);
    expect(
      new Set([
        base,
        print({ a: 1, b: { c: [1] } }),
        print({ a: 1 }, { a: 'x' }),
        print(),
        print({ 'a.b': 1 }),
        print({ a: { b: 1 } }),
      ]).size,
    ).toBe(6);
  });

  it('are the same in every process', () => {
    expect(track([{ id: 1, meta: { fw: 'x', rssi: null } }]).fingerprint).toBe('9197829990afa271');
  });

  it('say what changed by path', () => {
    const before = track([
      { a: 1, b: { c: 1 }, t: [1] },
      { a: 2, b: { c: 2 }, t: [] },
    ]).report();
    const after = track([
      { a: '1', b: { d: 1 }, t: [1] },
      { a: 2, b: { d: 1 } },
    ]).report();
    const changes = compareShapes(before, after).map(({ path, change }) => `${path} ${change}`);
    expect(changes).toEqual(['a types', 'b.c vanished', 'b.d appeared', 't presence']);
    expect(compareShapes(before, before)).toEqual([]);
  });

  it('take the frequency of what is there for no change', () => {
    const before = track([{ a: 1 }, { a: 1, b: 1 }]).report();
    const after = track([{ a: 1 }, { a: 1, b: 1 }, { a: 1, b: 1 }]).report();
    expect(after.fingerprint).toBe(before.fingerprint);
    expect(compareShapes(before, after)).toEqual([]);
  });

  it('give no changes when they are equal', () => {
    const reports = data.map((records): ShapeReport => track(records).report());
    fc.assert(
      fc.property(reports, reports, (a, b) => {
        if (a.fingerprint === b.fingerprint) expect(compareShapes(a, b)).toEqual([]);
        expect(compareShapes(a, b).length === 0).toBe(compareShapes(b, a).length === 0);
      }),
    );
  });

  it('are plain JSON with their report', () => {
    const report = track([{ a: [1, { b: 5n }] }]).report();
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe('divergence of shapes', () => {
  const schema = new Schema([
    field('id', new Int32(), {}, false),
    field('temp', new Float64(), { optional: 'true' }),
    field('note', new Utf8(), { aliases: '["remark"]' }),
  ]);

  it('finds by names and types what a look at each record finds', async () => {
    const records = [
      { id: 1, note: 'x' },
      { id: '2', temp: 'x', note: null },
      { id: null, remark: 'x' },
      { note: 'x', site: 'north' },
      7,
    ];
    const report = track([...records, ...records]).divergenceFrom({ schema });
    const exact = await detectDrift([...records, ...records], { schema });
    expect(report).toMatchObject({
      rows: 10,
      cells: exact.cells,
      mismatched: exact.mismatched,
      fields: exact.fields,
    });
    const counts = (entries: typeof report.entries) =>
      entries.map(({ field: name, kind, count }) => `${name} ${kind} ${count}`).sort();
    expect(counts(report.entries)).toEqual(counts(exact.entries));
    expect(report.entries.find(({ kind }) => kind === 'type')?.samples).toEqual([{ row: 1, value: 'string' }]);
  });

  it('is never more than what is found value by value', async () => {
    const cases = schemas.chain((random) =>
      fc.record({ random: fc.constant(random), records: fc.array(recordsOf(random), { maxLength: 8 }) }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ random, records }) => {
        const report = track(records).divergenceFrom({ schema: random });
        const exact = await detectDrift(records, { schema: random });
        expect(report.mismatched).toBeLessThanOrEqual(exact.mismatched);
        expect(report.rows).toBe(exact.rows);
      }),
      { numRuns: 300 },
    );
  });
});
