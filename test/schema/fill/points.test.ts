import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord } from '../../../src/codecs/codecs.ts';
import {
  ArrowTimeUnit,
  Bool,
  Float64,
  Int8,
  Int32,
  Int64,
  Schema,
  Timestamp,
  Uint64,
  Utf8,
} from '../../../src/schema/arrow.ts';
import { type CompiledSchema, compileSchema } from '../../../src/schema/compile-schema.ts';
import { FieldNames } from '../../../src/schema/field-names.ts';
import { planField } from '../../../src/schema/field-plan.ts';
import { coerceRow } from '../oracle/coerce-row.ts';
import { batchOf, cellsAt, field, valuesOf } from '../schemas.ts';

const FIELDS = [
  field('measurement', new Utf8()),
  field('host', new Utf8()),
  field('zone a', new Utf8(), { optional: 'true' }),
  field('real', new Float64(), { maximum: '1e30', optional: 'true' }),
  field('small', new Int8(), { minimum: '-5', optional: 'true' }),
  field('whole', new Int32(), { optional: 'true' }),
  field('long', new Int64(), { optional: 'true' }),
  field('huge', new Uint64(), { optional: 'true' }),
  field('ok', new Bool(), { optional: 'true' }),
  field('text', new Utf8(), { optional: 'true' }),
  field('more', new Utf8(), { optional: 'true' }),
  field('time', new Timestamp(ArrowTimeUnit.NANOSECOND), { optional: 'true' }),
];
const plans = FIELDS.map(planField);
const names = new FieldNames(plans);
const schema = new Schema([...FIELDS]);
/** Schemas in which the time of a point is a time, and an integer. */
const SCHEMAS = [new Timestamp(ArrowTimeUnit.NANOSECOND), new Int64(), new Uint64()].map(
  (type) => new Schema([...FIELDS.slice(0, -1), field('time', type, { optional: 'true' })]),
);

const INTEGERS = [
  ...[
    '5i',
    '0i',
    '-5i',
    '-6i',
    '127i',
    '128i',
    '2147483647i',
    '2147483648i',
    '-0i',
    '007i',
    '5',
    '5.0',
    '-5',
    '5u',
  ],
  ...[
    '999999999999999i',
    '1000000000000000i',
    '-123456789012345678i',
    '1234567890123456789i',
    '-5u',
    '5ii',
    '-1234567890123456789u',
    '123456789012345678',
    '1234567890123456',
    '5i5',
  ],
  ...[
    '9223372036854775807i',
    '9223372036854775808i',
    '-9223372036854775808i',
    '18446744073709551615u',
    '"5"',
    't',
  ],
];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  host: ['a', 'b-1', 'zähler-東', 'a\\ b', 'a\\\\', 'a"b', '', 'a=b', 'a\tb'],
  'zone\\ a': ['x', 'y', '"'],
  real: [
    '1.5',
    '-2.25',
    '0',
    '-0',
    '0.5',
    '00.5',
    '1.',
    '.5',
    '-',
    '1e5',
    '2e30',
    '1000000',
    '1000001',
    '123456789012345',
    '0.12345678901234567',
    '12345678901234567',
    '1234567890123479757',
    '0.30000000000000004',
    '98.39999999999942',
    '1.2345678901234567',
    '9007199254740993.5',
    '123456789012345.65',
  ],
  small: INTEGERS,
  whole: INTEGERS,
  long: INTEGERS,
  huge: INTEGERS,
  ok: ['true', 'false', 'T', 'f', 'FALSE', 'tru', 'truex', '1', '"true"'],
  text: [
    '"a"',
    '""',
    '"zähler 東"',
    '"a b,c=d"',
    '"a\\"b"',
    '"a\nb"',
    '"a\\b"',
    '"a\\\\"',
    '"a',
    '5',
    '"a"b',
    'x"',
  ],
  more: ['"x"', '5', '"', 't'],
  time: [
    '1700000000000000001',
    '0',
    '-1',
    '8999999999999999999',
    '9223372036854775807',
    '9223372036854775808',
    '01',
    '5 ',
    'x',
  ],
};
const TAGS = ['host', 'zone\\ a'];
const valueFor = (name: string, oddly: number) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(VALUES[name]?.[0] ?? '') },
    { weight: oddly, arbitrary: fc.constantFrom(...(VALUES[name] ?? [])) },
  );

/** Points of one layout with values of all kinds, and now and then a point of another. */
const body = fc
  .tuple(
    fc.subarray(TAGS, { minLength: 1 }),
    fc.shuffledSubarray(
      Object.keys(VALUES).filter((name) => ![...TAGS, 'time'].includes(name)),
      { minLength: 3 },
    ),
    fc.boolean(),
    fc.constantFrom('\n', '\r\n'),
  )
  .chain(([tags, fields, hasTime, lineEnd]) => {
    const pair = (name: string) => valueFor(name, 1).map((value) => `${name}=${value}`);
    const line = fc
      .tuple(
        fc.constantFrom('m', 'm', 'm', 'mé', 'm\\,x', 'm,new=1'),
        fc.tuple(...tags.map(pair)),
        fc.tuple(...fields.map(pair)),
        valueFor('time', hasTime ? 1 : 0),
        fc.constantFrom(' ', ' ', ' ', ' ', '  ', ' \\'),
        fc.constantFrom(' ', ' ', ' ', ' ', ','),
      )
      .map(
        ([head, tagList, fieldList, time, gap, comma]) =>
          `${[head, ...tagList].join(',')}${gap}${fieldList.join(',')}${hasTime ? `${comma}${time}` : ''}`,
      );
    return fc.array(line, { minLength: 3, maxLength: 10 }).map((lines) => lines.join(lineEnd));
  });

/** Enough lines of nothing for generated code to read up to the last point. */
const MARGIN = '\n'.repeat(100);
const OPTIONS = { tolerance: 1 };

async function judge(compiled: CompiledSchema, text: string) {
  const batch = batchOf(text, 'line-protocol');
  const strict = compiled.check(batch, 'all');
  const lenient = await compiled.coerce(batch, 'all');
  return {
    strict: [valuesOf(strict.columns), strict.columns.rows, strict.divergence],
    refused: strict.residue.map(({ rows, reason }) => [rows, reason]),
    lenient: [valuesOf(lenient.columns), lenient.columns.rows, lenient.degradedRows],
    residue: lenient.residue.map(({ rows, reason }) => [rows, reason]),
    loss: new Map(lenient.loss.entries.map(({ field: name, kind, count }) => [`${name}/${kind}`, count])),
    cells: [lenient.loss.cells, lenient.loss.cellsTotal],
  };
}

describe('columns of points', () => {
  it('are the same with and without generated code', async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom(...SCHEMAS), async (text, each) => {
        // Twice, so that the layouts learned from the first body meet the second.
        const generated = compileSchema(each, OPTIONS);
        await judge(generated, text);
        const complete = compileSchema(each, { ...OPTIONS, codeGeneration: false });
        expect(await judge(generated, text + MARGIN)).toEqual(await judge(complete, text));
      }),
      { numRuns: 600 },
    );
  });

  it('refuse a row that is not UTF-8 among others of its layout', () => {
    const lines = Array.from({ length: 6 }, (_, row) => `m,host=a text="${row === 4 ? '\xff' : row}"\n`);
    const batch = batchOf(Buffer.from(lines.join('') + MARGIN, 'latin1'), 'line-protocol');
    const { columns, residue } = compileSchema(schema, OPTIONS).check(batch, 'all');
    expect(columns.rows).toEqual([0, 1, 2, 3, 5]);
    expect(residue.map(({ rows, reason }) => [rows, reason])).toEqual([[[4], 'undecodable']]);
  });

  it('refuse a time before 1970 in an unsigned column among others of its layout', () => {
    const unsigned = new Schema([
      field('measurement', new Utf8()),
      field('text', new Utf8()),
      field('time', new Uint64()),
    ]);
    const lines = [5, 6, -1, 7].map((time) => `m text="a" ${time}\n`);
    const { columns } = compileSchema(unsigned, OPTIONS).check(
      batchOf(lines.join('') + MARGIN, 'line-protocol'),
      'all',
    );
    expect(columns.rows).toEqual([0, 1, 3]);
  });

  it('hold what whole records give, row by row', () => {
    fc.assert(
      fc.property(body, (text) => {
        const batch = batchOf(text + MARGIN, 'line-protocol');
        const expected: unknown[] = [];
        for (let row = 0; row < batch.rowCount; row += 1) {
          let record: Readonly<Record<string, unknown>>;
          try {
            record = decodeRecord(batch, row);
          } catch {
            continue;
          }
          const { cells, changes, refusals } = coerceRow({ fields: plans, names }, record, 'epoch');
          if (changes.length === 0 && refusals.length === 0) expected.push(cells);
        }
        expect(cellsAt(compileSchema(schema, OPTIONS).check(batch, 'all').columns)).toEqual(expected);
      }),
      { numRuns: 600 },
    );
  });
});
