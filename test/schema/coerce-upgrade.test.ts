import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/core/batch.ts';
import { Bool, Decimal, type Field, Float64, Int32, Int64, List, Utf8 } from '../../src/schema/arrow.ts';
import { coerceValue, isCell, Refusal } from '../../src/schema/coerce-value.ts';
import { planField } from '../../src/schema/field-plan.ts';
import { toJsonText } from '../../src/schema/json-text.ts';
import { restore } from '../../src/schema/loss/restore.ts';
import { upgrade } from '../../src/schema/loss/upgrade.ts';
import { LOSS_KINDS } from '../../src/schema/reader.ts';
import { RULES } from '../../src/schema/rules/rules.ts';
import { batchOf, compiled, field, ndjsonOf, reencode, valuesOf } from './schemas.ts';

const COLUMNS: readonly Field[] = [
  field('v', new Int32(), { precision: '0.5' }),
  field('v', new Int64()),
  field('v', new Float64()),
  field('v', new Decimal(3, 20)),
  field('v', new Utf8()),
  field('v', new Utf8(), { json: 'true' }),
  field('v', new Bool()),
  field('v', new List(field('item', new Int32()))),
];
const scalar = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt(-(2n ** 64n), 2n ** 64n),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom<unknown>(
    true,
    false,
    'true',
    'false',
    'yes',
    0,
    1,
    -0,
    '-0',
    '1.500',
    '{"a":1}',
    '[1]',
    ' [1]',
    1e21,
    1e-7,
  ),
);
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom('a', '__proto__', '1'), scalar, { noNullPrototype: false }),
);

describe('restore', () => {
  it('gives the old value of every lossless change back exactly', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(fc.constantFrom(...COLUMNS), value, (column, before) => {
        const result = coerceValue(planField(column), before, 'typed');
        if (result instanceof Refusal || isCell(result) || !result.lossless) return;
        kinds.add(result.kind);
        const restored = restore({ ...result, after: result.cell });
        expect(toJsonText(restored?.value)).toBe(toJsonText(before));
        expect(typeof restored?.value === 'string').toBe(typeof before === 'string');
      }),
      { numRuns: 8000 },
    );
    expect([...kinds].sort()).toEqual([
      'array-from-scalar',
      'bool-from-number',
      'bool-from-text',
      'json-from-text',
      'number-from-text',
      'scalar-from-array',
      'text-from-bool',
      'text-from-number',
      'text-from-object',
    ]);
  });

  it('gives nothing for a lossy change, and absence for what was missing', () => {
    expect(restore({ kind: 'rounded', lossless: false, after: 1 })).toBeUndefined();
    expect(restore({ kind: 'missing', lossless: true, after: null })).toEqual({ value: undefined });
    expect(restore({ kind: 'renamed', lossless: true, after: 5n })).toEqual({ value: 5n });
  });

  it('has an inverse or a stated loss for every kind', () => {
    for (const kind of LOSS_KINDS) {
      const { loss, restore: inverse } = RULES[kind];
      expect(loss ?? inverse, kind).toBeDefined();
    }
  });
});

const oldSchema = compiled([
  field('id', new Int64(), { key: 'true' }, false),
  field('count', new Int32(), { precision: '0.5', essential: 'false' }),
  field('note', new Utf8()),
]);
/** Everything that the records below may hold. */
const newSchema = compiled([
  field('id', new Int64(), { key: 'true' }, false),
  field('count', new Float64(), { optional: 'true' }),
  field('note', new Utf8(), { optional: 'true' }),
  field('site', new Utf8(), { optional: 'true' }),
]);
const record = fc.record(
  {
    id: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    count: fc.double({ noNaN: true, noDefaultInfinity: true }),
    note: fc.string({ unit: 'grapheme' }),
    site: fc.constantFrom('north-4', ''),
  },
  { requiredKeys: ['id'], noNullPrototype: true },
);

async function degrade(original: Batch) {
  const { columns, degradedRows } = await oldSchema.coerce(original, 'all');
  return { columns, degradedRows };
}

describe('upgrade', () => {
  it('undoes a degradation byte for byte, under the same keys, where the original is kept', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 6 }), async (records) => {
        const original = ndjsonOf(records);
        const { columns: degraded } = await degrade(original);
        const { columns, rows, residue } = upgrade(degraded, original, newSchema);
        expect(residue).toEqual([]);
        expect(rows.map(({ row }) => row)).toEqual(degraded.rows);
        const written = reencode(columns);
        for (const [place, { row, key, bytes }] of rows.entries()) {
          expect(Buffer.compare(bytes, original.frame.row(row))).toBe(0);
          // The columns alone hold all of it: absent fields are null, and nothing else differs.
          const back = JSON.parse(Buffer.from(written.frame.row(place)).toString(), (_, v) => v ?? undefined);
          expect(Object.entries(back).sort()).toEqual(
            Object.entries(JSON.parse(Buffer.from(bytes).toString())).sort(),
          );
          expect(key).toMatch(/^[0-9a-f]{32}$/);
        }
        const keys = upgrade(columns, original, newSchema).rows.map(({ key }) => key);
        expect(rows.map(({ key }) => key)).toEqual(keys);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves rows degraded that do not conform to the newer schema either', async () => {
    const original = batchOf('{"id":1,"count":1.4,"note":"a"}\n{"id":2,"count":"x","note":"b"}');
    const { columns, rows, residue } = upgrade((await degrade(original)).columns, original, newSchema);
    expect([rows.map(({ row }) => row), valuesOf(columns)[1]]).toEqual([[0], [1.4]]);
    expect(residue).toMatchObject([{ rows: [1], detail: 'count: type 1x' }]);
  });

  it('upgrades only the rows that it is given', async () => {
    const original = batchOf('{"id":1,"count":1.4}\n{"id":2,"count":1}\n{"id":3,"count":2.6}');
    const { columns } = await oldSchema.coerce(original, [0, 2]);
    expect(upgrade(columns, original, newSchema).rows.map(({ row }) => row)).toEqual([0, 2]);
  });

  it('never writes a row under another key than its degraded version has', async () => {
    const original = batchOf('{"id":1,"count":1.4,"note":"a"}\n{"id":"2","count":1,"note":"b"}');
    const byNote = compiled([
      field('id', new Int64(), {}, false),
      field('count', new Float64()),
      field('note', new Utf8(), { key: 'true' }, false),
    ]);
    const { columns, rows, residue } = upgrade((await degrade(original)).columns, original, byNote);
    expect([rows, columns.rows]).toEqual([[], []]);
    expect(residue.flatMap(({ rows: left }) => (left === 'all' ? [] : [...left]))).toEqual([1, 0]);
    expect(residue.at(-1)?.detail).toBe('its key would be another one under the newer schema');
  });
});
