import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DiffChange } from '../../src/diff/change.ts';
import { type DiffOptions, diffRecords } from '../../src/diff/diff-records.ts';
import { parseRules } from '../../src/diff/rules.ts';
import { oracleCounts, type Plain, record, sides } from './oracle.ts';

const byId: DiffOptions = { key: ['id'] };

async function changesOf(
  a: readonly Plain[],
  b: readonly Plain[],
  options: Partial<DiffOptions> = {},
): Promise<DiffChange[]> {
  const changes: DiffChange[] = [];
  await diffRecords(a, b, { ...byId, ...options, onChange: (change) => void changes.push(change) });
  return changes;
}

/** Fields that changed, in short. */
async function fieldsOf(a: Plain, b: Plain, rules: readonly string[] = []): Promise<readonly string[]> {
  const changes = await changesOf([{ id: 1, ...a }], [{ id: 1, ...b }], { rules: parseRules(rules) });
  return changes.flatMap((change) => (change.kind === 'changed' ? change.cells.map(({ field }) => field) : []));
}

describe('records against records', () => {
  it.each([true, false])('counts as the slow comparison does (generated code: %s)', async (mayGenerate) => {
    await fc.assert(
      fc.asyncProperty(sides, async ([a, b]) => {
        const { equal, changed, added, removed } = await diffRecords(a, b, { ...byId, mayGenerate });
        expect({ equal, changed, added, removed }).toEqual(oracleCounts(a, b, 'id'));
      }),
      { numRuns: 400 },
    );
  });

  it('tells the same changes with generated code and without', async () => {
    await fc.assert(
      fc.asyncProperty(sides, async ([a, b]) => {
        expect(await changesOf(a, b, { mayGenerate: true })).toEqual(
          await changesOf(a, b, { mayGenerate: false }),
        );
      }),
    );
  });

  it('finds nothing between a set and the same set shuffled', async () => {
    const sets = fc
      .array(record)
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    await fc.assert(
      fc.asyncProperty(sets, async ([a, b]) => {
        for (const key of [['id'], 'content'] as const)
          expect((await diffRecords(a, b, { key })).isEqual).toBe(true);
      }),
    );
  });

  it('mirrors: what is added one way is removed the other way', async () => {
    await fc.assert(
      fc.asyncProperty(sides, async ([a, b]) => {
        const there = await diffRecords(a, b, byId);
        const back = await diffRecords(b, a, byId);
        expect([back.added, back.removed, back.changed]).toEqual([there.removed, there.added, there.changed]);
      }),
    );
  });

  it('tells changes in the order of the first side, then what only the second has', async () => {
    const a = [{ id: 3 }, { id: 1, v: 1 }, { id: 2 }];
    const b = [{ id: 9 }, { id: 1, v: 2 }, { id: 2 }, { id: 8 }];
    const told = (await changesOf(a, b)).map(({ kind, key }) => `${kind} ${key}`);
    expect(told).toEqual(['removed 3', 'changed 1', 'added 9', 'added 8']);
  });

  it('says which cell changed, from what to what', async () => {
    expect(await changesOf([{ id: 1, v: 1, w: 'x' }], [{ w: 'x', id: 1, v: 2, n: null }])).toEqual([
      {
        kind: 'changed',
        key: [1],
        rowA: 0,
        rowB: 0,
        cells: [
          { field: 'v', before: 1, after: 2 },
          { field: 'n', before: undefined, after: null },
        ],
      },
    ]);
  });

  it('names nested cells by their path', async () => {
    const before = { m: { fw: '1', 'a b': 1, list: [1, { z: 1 }] }, t: [1] };
    const after = { m: { fw: '2', 'a b': 2, list: [1, { z: 2 }] }, t: [1, 2] };
    expect(await fieldsOf(before, after)).toEqual(['m.fw', 'm["a b"]', 'm.list[1].z', 't']);
  });
});

describe('keys', () => {
  it('reports duplicate keys, and compares every row of them', async () => {
    const a = [
      { id: 1, v: 1 },
      { id: 1, v: 2 },
      { id: 1, v: 3 },
    ];
    const b = [
      { id: 1, v: 3 },
      { id: 1, v: 1 },
    ];
    const report = await diffRecords(a, b, byId);
    expect(report).toMatchObject({ equal: 2, removed: 1, changed: 0, duplicates: { a: 2, b: 1 } });
    expect(report.samples).toMatchObject([{ kind: 'removed', rowA: 1 }]);
  });

  it('pairs thousands of rows of one key without comparing each with each', async () => {
    const a = Array.from({ length: 20_000 }, (_, v) => ({ id: 1, v }));
    const report = await diffRecords(a, a.toReversed(), byId);
    expect(report).toMatchObject({ isEqual: true, duplicates: { a: 19_999, b: 19_999 } });
  });

  it('takes null and absent for one key, and a text for another than a number', async () => {
    const report = await diffRecords([{ id: null }, { id: 1 }], [{}, { id: '1' }], { ...byId });
    expect(report).toMatchObject({ changed: 1, removed: 1, added: 1 });
  });

  it('holds keys of several fields apart where their parts would run together', async () => {
    const report = await diffRecords([{ p: 'a', q: 'bc' }], [{ p: 'ab', q: 'c' }], { key: ['p', 'q'] });
    expect(report).toMatchObject({ added: 1, removed: 1, changed: 0 });
  });

  it('finds one key in numbers that are held differently, and two in those next to 2^53', async () => {
    const same = await diffRecords([{ id: 10n ** 16n }], [{ id: 1e16 }], byId);
    expect(same.isEqual).toBe(true);
    const near = await diffRecords([{ id: 2n ** 53n }], [{ id: 2n ** 53n + 1n }], byId);
    expect(near).toMatchObject({ added: 1, removed: 1 });
  });

  it('refuses a tolerance for a key, and one without a key', async () => {
    const rules = parseRules(['id=0.5']);
    await expect(diffRecords([], [], { ...byId, rules })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(diffRecords([], [], { key: 'content', rules })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });

  it.each<[string, unknown]>([
    ['*=0.5', 1.25],
    ['*=1h', '2024-01-01T00:10:00Z'],
  ])('looks keys up exactly where %s has a tolerance for all fields', async (rule, v) => {
    const rules = parseRules([rule]);
    const a = [
      { id: 1, v },
      { id: 2, v },
    ];
    const b = a.map(({ id }) => ({ id: id + 0.25, v: v === 1.25 ? 1 : '2024-01-01T00:20:00Z' }));
    expect(await diffRecords(a, b, { ...byId, rules })).toMatchObject({ removed: 2, added: 2 });
    const near = b.map((row) => ({ ...row, id: row.id - 0.25 }));
    expect(await diffRecords(a, near, { ...byId, rules })).toMatchObject({ equal: 2, changed: 0 });
  });

  it('compares row by row when the order is the key', async () => {
    const report = await diffRecords([{ v: 1 }, { v: 2 }], [{ v: 2 }, { v: 2 }, { v: 3 }], { key: 'order' });
    expect(report).toMatchObject({ equal: 1, changed: 1, added: 1, duplicates: { a: 0, b: 0 } });
  });
});

describe('the report', () => {
  it('counts cells by field, with the elements of an array together', async () => {
    const a = [
      { id: 1, t: [1, 2], v: 1 },
      { id: 2, v: 1 },
    ];
    const b = [
      { id: 1, t: [3, 4], v: 1 },
      { id: 2, v: 2 },
    ];
    const report = await diffRecords(a, b, byId);
    expect(report.fields).toEqual([
      { field: 't[]', changed: 2 },
      { field: 'v', changed: 1 },
    ]);
    expect(report).toMatchObject({ rowsA: 2, rowsB: 2, changed: 2, changedCells: 3 });
  });

  it('keeps a bounded number of samples of each kind and of fields', async () => {
    const wide = (v: number): Plain =>
      Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`f${index}`, v]));
    const a = Array.from({ length: 50 }, (_, id) => ({ id, v: 1 }));
    const report = await diffRecords([...a, { id: -1, ...wide(1) }], [{ id: -1, ...wide(2) }], {
      ...byId,
      samplesMax: 3,
    });
    expect(report.samples.map(({ kind }) => kind)).toEqual(['changed', 'removed', 'removed', 'removed']);
    expect(report.fields).toHaveLength(1001);
    expect(report.fields[0]).toEqual({ field: '(other fields)', changed: 2000 });
  });

  it('gives way to others while it works, and stops when it is told to', async () => {
    const many = Array.from({ length: 30_000 }, (_, id) => ({ id }));
    let turns = 0;
    const stopping = new AbortController();
    const yieldToLoop = async (): Promise<void> => {
      turns += 1;
    };
    await diffRecords(many, many, { ...byId, yieldToLoop });
    expect(turns).toBeGreaterThan(15);
    stopping.abort(new Error('enough'));
    await expect(diffRecords(many, many, { ...byId, signal: stopping.signal })).rejects.toThrow('enough');
  });
});

describe('what is the same', () => {
  it.each<[string, unknown, unknown]>([
    ['zero and minus zero', 0, -0],
    ['a number and the same number wide', 5, 5n],
    ['NaN and NaN', Number.NaN, Number.NaN],
    ['names in another order', { x: 1, y: 2 }, { y: 2, x: 1 }],
    ['bytes and equal bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
  ])('%s', async (_what, v, w) => {
    expect(await fieldsOf({ v }, { v: w })).toEqual([]);
  });

  it.each<[string, unknown, unknown]>([
    ['integers next to 2^53', 2n ** 53n, 2n ** 53n + 1n],
    ['a number and its text', 1, '1'],
    ['null and absent', null, undefined],
    ['null and zero', null, 0],
    ['texts in other normal forms', 'é', 'e\u0301'],
    ['an array and an object', [], {}],
    ['arrays in another order', [1, 2], [2, 1]],
    ['two spellings of one instant', '2024-01-01T00:00:00Z', '2024-01-01T01:00:00+01:00'],
    ['an inherited name and one of its own', { toString: 1 }, {}],
    ['false and null', false, null],
  ])('not %s', async (_what, v, w) => {
    expect(await fieldsOf({ v }, { v: w })).not.toEqual([]);
    expect(await fieldsOf({ v: w }, { v })).not.toEqual([]);
  });

  it('not records nested 100,000 deep that differ at the bottom', async () => {
    const deep = (bottom: number): unknown => {
      let value: unknown = bottom;
      for (let level = 0; level < 100_000; level += 1) value = [value];
      return value;
    };
    expect(await fieldsOf({ v: deep(1) }, { v: deep(1) })).toEqual([]);
    expect(await fieldsOf({ v: deep(1) }, { v: deep(2) })).toHaveLength(1);
  });

  it.each<[string, string, unknown, unknown]>([
    ['an absolute difference', 'v=1e-6', 0.1, 0.100001],
    ['a relative difference', 'v=1e-6r', 1_000_000, 1_000_001],
    ['instants within a second', 'v=1s', '2024-01-01T00:00:00.2Z', '2024-01-01T00:00:00.9Z'],
    ['instants of other offsets', 'v=1ns', '2024-01-01T00:00:00Z', '2024-01-01T01:00:00+01:00'],
    ['a count and a text of one instant', 'v=epoch-ms', 1_704_067_200_000, '2024-01-01T00:00:00Z'],
    ['normal forms', 'v=nfc', 'é', 'e\u0301'],
    ['null and absent', 'v=null-absent', null, undefined],
    ['null and absent anywhere', '*=null-absent', null, undefined],
    ['a text and the number it spells', 'v=spelled', '1.50', 1.5],
    ['a text and the JSON it spells', 'v=spelled', '{ "x": [1] }', { x: [1] }],
    ['what is nested in the field', 'v=0.1', { x: [1] }, { x: [1.1] }],
    ['a nested path', 'v.x=0.1', { x: 1 }, { x: 1.1 }],
  ])('%s, where a rule says so', async (_what, rule, v, w) => {
    expect(await fieldsOf({ v }, { v: w }, [rule])).toEqual([]);
    expect(await fieldsOf({ v: w }, { v }, [rule])).toEqual([]);
    expect(await fieldsOf({ v }, { v: w })).toHaveLength(1);
  });

  it.each<[string, string, unknown, unknown]>([
    ['an absolute difference', 'v=1e-6', 0.1, 0.1000010001],
    ['a relative difference', 'v=1e-6r', 1_000_000, 1_000_001.1],
    ['a granularity', 'v=1s', '2024-01-01T00:00:00Z', '2024-01-01T00:00:01.000000001Z'],
    ['another path', 'v.x=0.1', { y: 1 }, { y: 1.1 }],
    ['another field', 'w=0.1', 1, 1.1],
  ])('not what is beyond %s', async (_what, rule, v, w) => {
    expect(await fieldsOf({ v }, { v: w }, [rule])).toHaveLength(1);
  });

  it('whatever is ignored', async () => {
    const rules = parseRules([], ['v', 'm.x']);
    const before = { id: 1, v: 1, m: { x: 1, y: 1 } };
    const after = { id: 1, m: { x: 2, y: 1 } };
    expect(await changesOf([before], [after], { rules })).toEqual([]);
  });

  it('keeps an exact limit: no difference of 10^-k is over a tolerance of 10^-k', async () => {
    const cases = fc.tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: 1, max: 9 }));
    await fc.assert(
      fc.asyncProperty(cases, async ([whole, decimals]) => {
        const scale = 10 ** decimals;
        const v = Number(`${whole}e-${decimals}`);
        const rule = [`v=1e-${decimals}`];
        expect(await fieldsOf({ v }, { v: Number(`${whole + 1}e-${decimals}`) }, rule)).toEqual([]);
        expect(await fieldsOf({ v }, { v: Number(`${whole + 2}e-${decimals}`) }, rule)).toHaveLength(1);
        expect(scale).toBeGreaterThan(1);
      }),
    );
  });

  it.each(['v', 'v=', '=1', 'v=-1', 'v=1x', 'v=0x10'])('refuses the rule %j', (rule) => {
    expect(() => parseRules([rule])).toThrow(/expected FIELD=RULE/);
  });
});
