import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bool, DateDay, Decimal, Float64, Int32, Int64, Schema, Utf8 } from '../../src/schema/arrow.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { batchOf, cellsAt, field } from './schemas.ts';

const schema = new Schema([
  field('id', new Int32(), { essential: 'false' }),
  field('__proto__', new Utf8(), { essential: 'false' }),
  field('constructor', new Int64()),
  field('a"\\\u2028b', new Float64(), { essential: 'false' }),
  field('day', new DateDay(), { essential: 'false' }),
  field('money', new Decimal(2, 12), { essential: 'false' }),
  field('ok', new Bool(), { essential: 'false' }),
]);
const NAMES = schema.fields.map(({ name }) => name);

const text = fc.oneof(
  fc.constantFrom('', 'x', 'sensor-17', 'zähler 東', '\u{1f600}', 'y'.repeat(600), 'ü'.repeat(300)),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
);
const row = fc
  .tuple(
    fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    fc.option(text),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.option(fc.integer().map((value) => value / 8)),
    fc.constantFrom(null, '2026-11-25', '1969-12-31'),
    fc.constantFrom(null, 1.25, -3),
    fc.option(fc.boolean()),
  )
  .map((values) => {
    const members = values.map((value, at) => {
      const json = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
      return `${JSON.stringify(NAMES[at])}:${json}`;
    });
    return `{${members.join(',')}}`;
  });

describe('records of columns', () => {
  it('hold each cell under its name, with and without generated code, at once and in turns', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
        for (const codeGeneration of [true, false]) {
          const compiled = compileSchema(schema, { codeGeneration });
          const { columns } = await compiled.coerce(batchOf(rows.join('\n')), 'all');
          const records = compiled.records(columns);
          expect(records.map((record) => NAMES.map((name) => record[name]))).toEqual(cellsAt(columns));
          expect(records.map((record) => Object.keys(record))).toEqual(rows.map(() => NAMES));
          expect(await compiled.recordsInTurns(columns)).toEqual(records);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('have no members but their fields', () => {
    for (const codeGeneration of [true, false]) {
      const compiled = compileSchema(new Schema([field('id', new Int32())]), { codeGeneration });
      const [record] = compiled.records(compiled.check(batchOf('{"id":1}'), 'all').columns);
      expect([record?.['id'], record?.['constructor'], record?.['toString']]).toEqual([
        1,
        undefined,
        undefined,
      ]);
      expect('__proto__' in (record ?? {})).toBe(false);
    }
  });

  it('give long columns in turns, in the order of their rows', async () => {
    let turns = 0;
    const compiled = compileSchema(new Schema([field('id', new Int32())]), {
      yieldToLoop: async () => {
        turns += 1;
      },
    });
    const count = 100_000;
    const body = Array.from({ length: count }, (_, id) => `{"id":${id}}`).join('\n');
    const { columns } = compiled.check(batchOf(body), 'all');
    const records = await compiled.recordsInTurns(columns);
    expect(turns).toBeGreaterThan(1);
    expect(records.every((record, id) => record['id'] === id)).toBe(true);
  });
});
