import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Columns } from '../../src/core/columns.ts';
import { cellVector, wideVector } from '../../src/core/vectors.ts';
import { isSameValue } from '../../src/diff/compare.ts';
import { diffColumns } from '../../src/diff/diff-columns.ts';
import { diffRecords } from '../../src/diff/diff-records.ts';
import { canonicalText, rowDigest } from '../../src/diff/digest.ts';
import { createComparer } from '../../src/diff/record-comparer.ts';
import { valueKey } from '../../src/diff/row-key.ts';
import { parseRules, type SideTraits, withTimes } from '../../src/diff/rules.ts';
import { Decimal, Instant } from '../../src/diff/typed-value.ts';

const MS = 1_000_000n;
const NAMES = ['v', 't', 'm'];

/** Ways to hold one number, to spell one instant, to write one value as JSON. */
const numbers = fc
  .tuple(fc.integer({ min: -3, max: 3 }), fc.constantFrom('', '.5', '.50', '.0', 'e0', 'e16'))
  .chain(([whole, rest]) => {
    const text = `${whole}${rest}`;
    const isWhole = !rest.startsWith('.5');
    return fc.constantFrom<unknown>(
      text,
      Number(text),
      new Decimal(text),
      new Decimal(`${Number(text)}`),
      ...(isWhole ? [BigInt(Number(text)), `${BigInt(Number(text))}.00`] : []),
    );
  });
const instants = fc
  .constantFrom(0n, 1n, 5n * MS, 5n * MS + 500_000n)
  .chain((nanoseconds) =>
    fc.constantFrom<unknown>(
      new Instant(nanoseconds),
      new Instant(nanoseconds).toString(),
      new Instant(nanoseconds).toString().replace('T', ' '),
      Number(nanoseconds) / 1e6,
      new Decimal(`${nanoseconds}e-6`),
      ...(nanoseconds % MS === 0n ? [nanoseconds / MS, String(nanoseconds / MS)] : []),
    ),
  );
const texts = fc.constantFrom<unknown>(
  '',
  'a',
  'é',
  'e\u0301',
  'true',
  'null',
  '[',
  true,
  false,
  null,
  undefined,
);
const leaf = fc.oneof(numbers, instants, texts);
const nested = fc.oneof(
  fc.array(leaf, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom('x', 'y', 'é'), leaf, { maxKeys: 2 }),
);

/** A nested value, or JSON that may be its text. */
function spelled(value: unknown): readonly unknown[] {
  const plain = JSON.stringify(value, (_name, own: unknown) => (typeof own === 'bigint' ? Number(own) : own));
  const turned = JSON.stringify(
    JSON.parse(plain, (_name, own: unknown) =>
      typeof own === 'object' && own !== null && !Array.isArray(own)
        ? Object.fromEntries(Object.entries(own).reverse())
        : own,
    ),
    undefined,
    1,
  );
  return [
    value,
    JSON.parse(plain),
    plain,
    turned,
    JSON.stringify(plain),
    [plain],
    [value],
    JSON.stringify([plain]),
  ];
}

const value = fc.oneof(
  { weight: 3, arbitrary: leaf },
  { weight: 2, arbitrary: nested.chain((own) => fc.constantFrom(...spelled(own))) },
);
/** The same value twice, or two that may be the same by chance. */
const pair = fc.oneof(
  fc.tuple(value, value),
  fc.tuple(numbers, numbers),
  fc.tuple(instants, instants),
  nested.chain((own) => fc.tuple(fc.constantFrom(...spelled(own)), fc.constantFrom(...spelled(own)))),
);

const RULES: readonly (readonly [texts: readonly string[], ignored: readonly string[], traits: SideTraits])[] =
  [
    [[], [], {}],
    [[], [], { isTabular: true }],
    [[], [], { isTabular: true, isText: true }],
    [['*=nfc'], [], {}],
    [['*=nfc'], ['v.x'], { isText: true }],
    [['*=epoch-ms'], [], {}],
    [['*=epoch-ms', '*=null-absent'], [], { isText: true }],
    [['v.x=spelled', 't=epoch-ms', 'm.y=nfc'], ['m'], {}],
  ];

describe('rows that are the same by the rules', () => {
  it.each(RULES)('have the same digest and the same key by %j without %j of %j', (texts_, ignored, traits) => {
    const rules = parseRules(texts_, ignored, traits);
    const timed = withTimes(rules, NAMES);
    const comparer = createComparer(rules);
    let same = 0;
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), pair, (name, [x, y]) => {
        const [a, b] = [
          { id: 1, [name]: x },
          { [name]: y, id: 1 },
        ];
        if (!comparer.isSame(a, b)) return;
        if (x !== y) same += 1;
        expect(canonicalText(b, timed)).toBe(canonicalText(a, timed));
        expect(rowDigest(b, timed)).toBe(rowDigest(a, timed));
        if (x === undefined || y === undefined || rules.of(name).isIgnored) return;
        expect(isSameValue(x, y, rules.of(name))).toBe(true);
        expect(valueKey(y, timed.of(name), true)).toBe(valueKey(x, timed.of(name), true));
      }),
      { numRuns: 5000 },
    );
    expect(same).toBeGreaterThan(100);
  });
});

describe('whole rows in any order', () => {
  it.each<[string, object, object, SideTraits, string[]]>([
    ['an instant and a text', { t: new Instant(0n) }, { t: '1970-01-01 00:00:00Z' }, {}, []],
    ['JSON in another order', { m: '{"y":[1.0], "x":2}' }, { m: { x: 2, y: [1] } }, { isText: true }, []],
    ['JSON in JSON', { m: '{"x":"[1, 2]"}' }, { m: { x: [1, 2] } }, { isText: true }, []],
    ['a count in text', { t: '5' }, { t: 5 }, { isText: true }, ['t=epoch-ms']],
    ['a count as a decimal', { t: new Decimal('5.0') }, { t: new Instant(5n * MS) }, {}, ['t=epoch-ms']],
  ])('are equal for %s', async (_what, a, b, traits, tolerances) => {
    const rules = parseRules(tolerances, [], traits);
    const options = { key: 'content', rules, timeFields: ['t'] } as const;
    const other = { z: 1 };
    const report = await diffRecords([{ ...a }, other], [other, { ...b }], options);
    expect(report).toMatchObject({ isEqual: true, equal: 2, changed: 0 });
  });

  it('are equal where an instant is a text in the other table', async () => {
    const tableOf = (type: 'timestamp' | 'text', vector: Columns['vectors'][number]): Columns => ({
      columns: [
        { name: 't', type, nullable: false, key: false, ...(type === 'timestamp' ? { unit: 'ms' } : {}) },
      ],
      rows: [0, 1],
      vectors: [vector],
    });
    const a = tableOf('timestamp', wideVector(BigInt64Array.of(0n, 1000n)));
    const b = tableOf('text', cellVector(['1970-01-01T00:00:01Z', '1970-01-01T00:00:00.000Z']));
    expect(await diffColumns(a, b, { key: 'content' })).toMatchObject({ isEqual: true, equal: 2 });
  });

  it.each([1, 70])(
    'are never changed where %i texts a side spell one value in different ways',
    async (count) => {
      const rules = parseRules([], [], { isText: true });
      const rowsOf = (v: unknown): { v: unknown }[] => Array.from({ length: count }, () => ({ v }));
      expect(await diffRecords(rowsOf('1.0'), rowsOf('1'), { key: 'content', rules })).toMatchObject({
        changed: 0,
        removed: count,
        added: count,
      });
      expect(await diffRecords(rowsOf('1.0'), rowsOf(1), { key: 'content', rules })).toMatchObject({
        equal: count,
      });
      const both = [...rowsOf('1.0'), ...rowsOf('1')];
      expect(await diffRecords(both, both.toReversed(), { key: 'content', rules })).toMatchObject({
        equal: 2 * count,
      });
    },
  );
});
