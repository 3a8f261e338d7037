import { describe, expect, it } from 'vitest';
import { SchemaError } from '../../src/core/errors.ts';
import { Int32, Int64, Utf8 } from '../../src/schema/arrow.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { fromJsonSchema } from '../../src/schema/declare/from-json-schema.ts';
import { inferSchema } from '../../src/schema/declare/infer-schema.ts';
import { toJsonSchema } from '../../src/schema/declare/to-json-schema.ts';
import { FieldNames } from '../../src/schema/field-names.ts';
import { planField } from '../../src/schema/field-plan.ts';
import { findUnaccounted } from './oracle/account-row.ts';
import { coerceRow } from './oracle/coerce-row.ts';
import { compiled, field, ndjsonOf, valuesOf } from './schemas.ts';

const OPTIONAL = { optional: 'true' };

describe('an optional field', () => {
  const schema = compiled([
    field('a', new Int32(), {}, false),
    field('US_Gross', new Int64(), OPTIONAL),
    field('c', new Utf8(), OPTIONAL),
  ]);

  it('may be absent: the row conforms and the cell is null', () => {
    const { columns, residue, divergence } = schema.check(
      ndjsonOf([{ a: 1, US_Gross: 2, c: 'x' }, { a: 2, c: null }, { a: 3 }]),
      'all',
    );
    expect([columns.rows, residue, divergence]).toEqual([[0, 1, 2], [], 0]);
    expect(valuesOf(columns)).toEqual([
      [1, 2, 3],
      [2n, null, null],
      ['x', null, null],
    ]);
  });

  it('is no cell of the divergence when absent, so that records of another kind stay beyond tolerance', () => {
    const { residue, divergence } = schema.check(ndjsonOf([{ a: 1, c: 5 }, { x: 1 }]), 'all');
    expect(divergence).toBe(3 / 4);
    expect(residue).toMatchObject([
      { reason: 'beyond-tolerance', detail: 'c: type 1x; a: missing 1x; x: extra 1x' },
    ]);
  });

  it('leaves no loss entry when absent, also beside cells that are coerced', async () => {
    const { columns, loss, degradedRows, residue } = await schema.coerce(
      ndjsonOf([{ a: 1 }, { a: '2' }]),
      'all',
    );
    expect([columns.rows, degradedRows, residue]).toEqual([[0, 1], [1], []]);
    expect(loss.entries.map(({ field: name, kind }) => [name, kind])).toEqual([['a', 'number-from-text']]);
    expect([loss.cells, loss.cellsTotal]).toEqual([1, 2]);
  });

  it('is still found under a name that differs by case or separators', async () => {
    const batch = ndjsonOf([{ a: 1, 'us gross': 7 }]);
    expect(schema.check(batch, 'all').columns.rows).toEqual([]);
    const { columns, loss } = await schema.coerce(batch, 'all');
    expect(valuesOf(columns)[1]).toEqual([7n]);
    expect(loss.entries.map(({ kind }) => kind)).toEqual(['renamed']);
  });

  it('passes the diff validator as null only when absent, and without a claim', () => {
    const fields = [planField(field('c', new Utf8(), OPTIONAL))];
    const plan = { fields, names: new FieldNames(fields) };
    const verdict = (record: object, row: Parameters<typeof findUnaccounted>[2]) =>
      findUnaccounted(plan, record as Readonly<Record<string, unknown>>, row, 'typed');
    expect(verdict({}, coerceRow(plan, {}, 'typed'))).toBeUndefined();
    expect(verdict({}, { cells: ['x'], changes: [] })).toBe('c changed without a reason');
    expect(verdict({ c: 'x' }, { cells: [null], changes: [] })).toBe('c changed without a reason');
    const claimed = planField(field('c', new Utf8()));
    const row = coerceRow({ fields: [claimed], names: new FieldNames([claimed]) }, {}, 'typed');
    expect(row.changes.map(({ kind }) => kind)).toEqual(['missing']);
    expect(verdict({}, row)).toBe('c changed without a reason');
  });

  it.each([
    ['may not be null', field('a', new Int32(), OPTIONAL, false)],
    ['is a key, without which two records would be one', field('a', new Int32(), { ...OPTIONAL, key: 'true' })],
  ])('is refused when it %s', (_, faulty) => {
    expect(() => compiled([faulty])).toThrow(SchemaError);
  });
});

describe('optional fields in JSON Schema', () => {
  const document = {
    type: 'object',
    properties: {
      id: { type: 'integer', 'x-key': true },
      here: { type: ['string', 'null'] },
      sure: { type: 'string' },
      maybe: { type: 'string' },
    },
    required: ['here', 'sure'],
  };
  const rules = (schema = fromJsonSchema(document)) =>
    schema.fields.map(({ name, nullable, metadata }) => [name, nullable, metadata.get('optional') ?? 'no']);

  it('are those that are not required and no part of the key', () => {
    expect(rules()).toEqual([
      ['id', true, 'no'],
      ['here', true, 'no'],
      ['sure', false, 'no'],
      ['maybe', true, 'true'],
    ]);
  });

  it('demand a required field that may be null to be present', () => {
    const { columns, residue } = compileSchema(fromJsonSchema(document)).check(
      ndjsonOf([
        { id: 1, here: null, sure: 'x' },
        { id: 2, sure: 'x' },
      ]),
      'all',
    );
    expect([columns.rows, residue[0]?.detail]).toEqual([[0], 'here: missing 1x']);
  });

  it('are the ones that a written document does not require', () => {
    const written = toJsonSchema(fromJsonSchema(document));
    expect(written).toMatchObject({ required: ['id', 'here', 'sure'] });
    expect(rules(fromJsonSchema(written))).toEqual(rules());
  });
});

describe('optional fields of an inferred schema', () => {
  it('are those that some record of the sample lacks', () => {
    const { fields } = inferSchema([{ a: 1, b: null }, { a: 2, b: 1, late: 1 }, { a: 3 }]);
    expect(fields.map(({ name, metadata }) => [name, metadata.get('optional') ?? 'no'])).toEqual([
      ['a', 'no'],
      ['b', 'true'],
      ['late', 'true'],
    ]);
  });

  it('let the sample itself conform, however sparse it is', () => {
    const records = [{ a: 1 }, { b: 'x', j: [1] }, {}, 5];
    const schema = compileSchema(fromJsonSchema(toJsonSchema(inferSchema(records))));
    expect(schema.check(ndjsonOf(records), 'all').residue).toEqual([]);
  });
});
