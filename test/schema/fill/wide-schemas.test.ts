import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bool, Float64, Int32, Int64, Utf8 } from '../../../src/schema/arrow.ts';
import { planField } from '../../../src/schema/field-plan.ts';
import { COLUMNS_MAX, GeneratedLayouts } from '../../../src/schema/fill/generated-layouts.ts';
import { makeStore } from '../../../src/schema/fill/make-store.ts';
import { batchOf, compiled, field, valuesOf } from '../schemas.ts';

const TYPES = [new Float64(), new Int32(), new Utf8(), new Int64(), new Bool()];
const VALUES = [
  ['1.5', '7', '"a"', '12', 'true'],
  ['"2.5"', '1.5', '5', '99999999999999999999', '"no"'],
];
const POINT_VALUES = ['1.5', '7i', '"a"', '12i', 'true'];

const fieldsOf = (count: number) =>
  Array.from({ length: count }, (_, column) =>
    field(`column_${column}`, TYPES[column % TYPES.length] ?? new Utf8(), { essential: 'false' }),
  );

describe('schemas of more columns than code is generated for', () => {
  it('have none, and those of as many have some', () => {
    for (const count of [COLUMNS_MAX, COLUMNS_MAX + 1]) {
      const fields = fieldsOf(count);
      const layouts = new GeneratedLayouts(fields.map(planField), true);
      const stores = fields.map((own) => makeStore(own, 1, 'typed'));
      const order = [...fields.keys()];
      const isMade = count <= COLUMNS_MAX;
      expect(layouts.get({ order, afterColon: 0, afterComma: 0 }, stores) !== undefined).toBe(isMade);
      const points = order.map((column) => ({
        column,
        section: 'field' as const,
        name: `column_${column}`,
        isFirst: column === 0,
      }));
      expect(layouts.getPoints(points, stores) !== undefined).toBe(isMade);
    }
  });

  it.each([COLUMNS_MAX, COLUMNS_MAX + 1, 300])(
    'are filled alike with code and without: %i columns',
    async (count) => {
      const fields = fieldsOf(count);
      const [fast, slow] = [compiled(fields), compiled(fields, { codeGeneration: false })];
      const oddRow = fc.uniqueArray(fc.nat(count - 1), { maxLength: 3 });
      await fc.assert(
        fc.asyncProperty(fc.array(oddRow, { minLength: 1, maxLength: 20 }), async (rows) => {
          const lines = rows.map((odd) => {
            const members = fields.map(({ name }, column) => {
              const value = VALUES[odd.includes(column) ? 1 : 0]?.[column % TYPES.length];
              return `"${name}":${value}`;
            });
            return `{${members.join()}}\n`;
          });
          for (const schema of [fast, slow]) expect(schema.columns).toHaveLength(count);
          const [a, b] = [
            fast.check(batchOf(lines.join('')), 'all'),
            slow.check(batchOf(lines.join('')), 'all'),
          ];
          expect(valuesOf(a.columns)).toEqual(valuesOf(b.columns));
          expect([a.columns.rows, a.residue]).toEqual([b.columns.rows, b.residue]);
          const [c, d] = [
            await fast.coerce(batchOf(lines.join('')), 'all'),
            await slow.coerce(batchOf(lines.join('')), 'all'),
          ];
          expect([valuesOf(c.columns), c.loss, c.residue]).toEqual([valuesOf(d.columns), d.loss, d.residue]);
        }),
        { numRuns: 20 },
      );
    },
  );

  it('are filled alike from points', () => {
    const fields = fieldsOf(300);
    const point = fields.map(({ name }, column) => `${name}=${POINT_VALUES[column % TYPES.length]}`).join();
    const batch = () => batchOf(`m ${point}\n`.repeat(50), 'line-protocol');
    const [fast, slow] = [
      compiled([field('measurement', new Utf8()), ...fields]),
      compiled([field('measurement', new Utf8()), ...fields], { codeGeneration: false }),
    ];
    const [a, b] = [fast.check(batch(), 'all'), slow.check(batch(), 'all')];
    expect(a.columns.rows).toHaveLength(50);
    expect(valuesOf(a.columns)).toEqual(valuesOf(b.columns));
  });
});
