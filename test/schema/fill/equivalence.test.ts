import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord } from '../../../src/codecs/codecs.ts';
import {
  ArrowTimeUnit,
  Bool,
  DateDay,
  Decimal,
  Float32,
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
import { Fault } from '../../../src/schema/reader.ts';
import { coerceRow } from '../oracle/coerce-row.ts';
import { batchOf, cellsAt, field, jsonLine, valuesOf } from '../schemas.ts';

const FIELDS = [
  field('id', new Int32()),
  field('tiny', new Int8(), { minimum: '-5', maximum: '100', essential: 'false' }),
  field('long', new Int64(), { essential: 'false' }),
  field('huge', new Uint64(), { essential: 'false' }),
  field('real', new Float64(), { precision: '0.01', essential: 'false' }),
  field('narrow', new Float32(), { essential: 'false' }),
  field('money', new Decimal(2, 12), { essential: 'false' }),
  field('flag', new Bool(), { optional: 'true' }),
  field('näme', new Utf8(), { aliases: '["title"]' }),
  field('day', new DateDay(), { essential: 'false' }),
  field('at', new Timestamp(ArrowTimeUnit.MILLISECOND, 'UTC'), { essential: 'false' }),
  field('nanos', new Timestamp(ArrowTimeUnit.NANOSECOND), { essential: 'false' }),
  field('meta', new Utf8(), { json: 'true', optional: 'true' }),
];

/** Values as JSON text: mostly plain ones, and what life brings. */
const texts: Readonly<Record<string, readonly string[]>> = {
  id: [
    '0',
    '7',
    '-12',
    '2147483647',
    '2147483648',
    '007',
    '1.0',
    '1.5',
    '1e3',
    '-0',
    '"7"',
    'null',
    '12345678901234567890',
  ],
  tiny: ['0', '-5', '100', '101', '-6', '"9"', 'true', '1e1', '99999999999999999999'],
  long: [
    '0',
    '-1',
    '999999999999999',
    '1000000000000000',
    '-9007199254740993',
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    '"12"',
    '123456789012345678',
    '-123456789012345678',
  ],
  huge: ['0', '18446744073709551615', '18446744073709551616', '-1', '123456789012345678'],
  real: [
    '0',
    '-0',
    '-0.0',
    '1.5',
    '0.1',
    '12345678901234567',
    '0.1234567890123456789',
    '1e-400',
    '1e400',
    '1E5',
    '"1.50"',
    '"NaN"',
    '1.',
    '.5',
    '00.5',
    '9007199254740993',
    '1234567.12345678',
    '3e-324',
    '12.34567890123456',
    '0.30000000000000004',
    '0.12345678901234567',
  ],
  narrow: ['0', '0.1', '16777217', '1.5', '3.5e38', '0.123456789'],
  money: ['1', '1.25', '1.255', '"3.10"', '123456789012345.5', '0.1'],
  flag: ['true', 'false', '"yes"', '1', '0', 'null', 'tru', 'fals', 'falsy', '"maybe"'],
  näme: [
    '""',
    '"a"',
    '"zähler 東"',
    '"\\u00e9\\n"',
    '"\\ud800"',
    '"quote \\" here"',
    '5',
    'null',
    '["x"]',
    '"\u{1f600}"',
  ],
  day: ['"2024-02-29"', '"2023-02-29"', '"2024-2-29"', '" 2024-02-29"', '"0000-01-01"', '1'],
  at: [
    '"2026-01-01T00:00:00.000Z"',
    '"2026-01-01T00:00:00Z"',
    '"2026-01-01T00:00:00.123456Z"',
    '"2026-01-01T00:00:00"',
    '"2026-01-01 00:00:00"',
    '1767225600',
    '"1969-12-31T23:59:59.999Z"',
    '"2026-13-01T00:00:00Z"',
    '"2026-01-01T00:00:00+02:00"',
  ],
  nanos: [
    '"2026-01-01T00:00:00.123456789"',
    '"1677-09-21T00:12:44"',
    '"1600-01-01T00:00:00"',
    '"2262-04-11T23:47:16.854775807"',
    '"2262-04-11T23:47:17"',
    '"1969-12-31T23:59:59.000000001"',
  ],
  meta: ['{"a":1}', '[]', '{"a":[{"b":"}"}]}', '"{\\"a\\":1}"', '"text"', '5', 'null', '{"a":}'],
};

const NAMES = Object.keys(texts);

const member = (name: string) => fc.constantFrom(...(texts[name] ?? [])).map((text) => [name, text] as const);
const plain = fc.tuple(...NAMES.map((name) => fc.constant([name, texts[name]?.[0] ?? '0'] as const)));
const oneOdd = fc
  .tuple(plain, fc.constantFrom(...NAMES).chain(member))
  .map(([members, odd]) => members.map((each) => (each[0] === odd[0] ? odd : each)));
const wild = fc
  .tuple(
    fc.shuffledSubarray(NAMES, { minLength: 8 }).chain((names) => fc.tuple(...names.map(member))),
    fc.subarray([
      ['title', '"T"'],
      ['ID', '3'],
      ['extra', '{"x":[1]}'],
      ['__proto__', '1'],
      ['id', '4'],
      ['n\\u00e4me', '"n"'],
    ] as (readonly [string, string])[]),
    fc.boolean(),
  )
  .map(([members, more, isFirst]) => (isFirst ? [...more, ...members] : [...members, ...more]));

const row = fc
  .tuple(
    fc.oneof({ arbitrary: plain, weight: 4 }, { arbitrary: oneOdd, weight: 4 }, { arbitrary: wild, weight: 2 }),
    fc.constantFrom(['', ''], [' ', ' '], ['', ''], [' ', ''], ['\t', '  ']),
    fc.constantFrom('', '', '', '', ' ', '}', ',', '{"cut":'),
  )
  .map(([members, [colon, comma], tail]) => {
    const text = members.map(([name, value]) => `"${name}":${colon}${value}`).join(`,${comma}`);
    return `{${text}}${tail}`;
  });

const EXTRAS: readonly (readonly [string, string])[] = [
  ['title', '"T"'],
  ['ID', '3'],
  ['extra', '{"x":[1]}'],
  ['__proto__', '1'],
  ['id', '4'],
  ['i', '5'],
  ['flag', 'true'],
  ['ext\\"ra', '6'],
  ['broken', '{"x":'],
];

/** Members that a row lacks, and ones that it has more, each before some place. */
const detour = fc.oneof(
  {
    arbitrary: fc.constant({
      lacks: [] as number[],
      more: [] as (readonly [number, readonly [string, string]])[],
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      lacks: fc.array(fc.nat(12), { maxLength: 3 }),
      more: fc.array(fc.tuple(fc.nat(13), fc.constantFrom(...EXTRAS)), { maxLength: 2 }),
    }),
    weight: 1,
  },
);

/** One layout from the first row to the last, with any values and some detours: what generated code is for. */
const regular = fc
  .tuple(
    fc.shuffledSubarray(NAMES, { minLength: NAMES.length }),
    fc.subarray(['flag', 'meta']),
    fc.constantFrom(['', ''], [' ', ' ']),
  )
  .chain(([order, absent, [colon, comma]]) => {
    const present = order.filter((name) => !absent.includes(name));
    const members = present.map((name) =>
      fc.oneof(
        { arbitrary: fc.constant(texts[name]?.[0] ?? '0'), weight: 6 },
        { arbitrary: fc.constantFrom(...(texts[name] ?? [])), weight: 1 },
      ),
    );
    const line = fc.tuple(detour, fc.tuple(...members)).map(([{ lacks, more }, values]) => {
      const all = values.map((value, at) => [present[at], value] as readonly [string, string]);
      const kept: (readonly [string, string])[] = all.flatMap((each, at) => [
        ...more.flatMap(([place, extra]) => (place === at ? [extra] : [])),
        ...(lacks.includes(at) ? [] : [each]),
      ]);
      kept.push(...more.flatMap(([place, extra]) => (place >= all.length ? [extra] : [])));
      return `{${kept.map(([name, value]) => `"${name}":${colon}${value}`).join(`,${comma}`)}}`;
    });
    return fc.array(line, { minLength: 4, maxLength: 12 });
  })
  .map((rows) => rows.join('\n'));

const mixed = fc.array(row, { minLength: 1, maxLength: 12 }).map((rows) => rows.join('\n'));
const body = fc.oneof(mixed, regular);

const schema = new Schema([...FIELDS]);
const options = { tolerance: 1 };

/** Everything that is told, in the order in which it is. */
async function judge(compiled: CompiledSchema, text: string) {
  const batch = batchOf(text);
  const strict = compiled.check(batch, 'all');
  const { columns, ...lenient } = await compiled.coerce(batch, 'all');
  return {
    strict: [valuesOf(strict.columns), strict.columns.rows, strict.divergence],
    refused: strict.residue,
    drift: inOrder(strict.drift),
    lenient: [valuesOf(columns), columns.rows],
    told: inOrder(lenient),
  };
}

/** With names as they come, which `toEqual` does not look at. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  return Object.entries(value).map(([name, own]) => [name, inOrder(own)]);
}

const plans = FIELDS.map(planField);
const names = new FieldNames(plans);

/** Cells by row as whole records give them: strictly, and coerced; undefined where a row does not land. */
function byRecords(text: string): { strict: unknown[]; lenient: unknown[] } {
  const batch = batchOf(text);
  const strict: unknown[] = [];
  const lenient: unknown[] = [];
  for (let index = 0; index < batch.rowCount; index += 1) {
    let record: Readonly<Record<string, unknown>>;
    try {
      record = decodeRecord(batch, index);
    } catch {
      continue;
    }
    const coerced = coerceRow({ fields: plans, names }, record, 'typed');
    if (coerced.refusals.length > 0) continue;
    if (coerced.changes.length === 0) strict.push(coerced.cells);
    lenient.push(coerced.cells);
  }
  return { strict, lenient };
}

describe('the ways to fill columns', () => {
  it('agree with each other in every cell, row and count, with and without generated code', async () => {
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        // Twice, so that the layouts learned from the first body meet the second.
        const generated = compileSchema(schema, options);
        await judge(generated, text);
        const complete = compileSchema(schema, { ...options, codeGeneration: false });
        expect(await judge(generated, text + '\n'.repeat(100))).toEqual(await judge(complete, text));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['an alias in place of its column', '{"id":1,"title":"t","real":2}'],
    ['an alias beside its column', '{"id":1,"title":"t","näme":"a","real":2}'],
    ['another spelling at the end', '{"näme":"a","real":2,"ID":1}'],
    ['nothing but unknown names', '{"x":1,"y":{"z":[2]}}'],
    ['only the last name', '{"real":2}'],
    ['no names', '{}'],
    ['a name twice, after it', '{"id":1,"näme":"a","id":2,"real":2}'],
    ['an unknown name first', '{"x":null,"id":1,"näme":"a","real":2}'],
    ['unknown names and bad values', '{"id":"a","x":1,"näme":5,"y":2,"real":"z"}'],
    ['an unknown name without a value', '{"id":1,"x":,"näme":"a","real":2}'],
    ['an unknown name that is cut', '{"id":1,"x'],
  ])('agree on %s where a layout was learned', async (_, line) => {
    const three = new Schema(FIELDS.filter((each) => ['id', 'näme', 'real'].includes(each.name)));
    const plain = '{"id":1,"näme":"a","real":2}';
    const text = [plain, plain, line, plain].join('\n');
    const complete = compileSchema(three, { ...options, codeGeneration: false });
    const generated = compileSchema(three, options);
    expect(await judge(generated, text + '\n'.repeat(100))).toEqual(await judge(complete, text));
  });

  it('give the cells that whole records give, row by row', async () => {
    // Where a row names one field twice, records know nothing of the first value: those rows are left out.
    const single = row.filter((text) => !/"id".*"id"|n\\u00e4me|meta/.test(text));
    await fc.assert(
      fc.asyncProperty(fc.array(single, { minLength: 1, maxLength: 8 }), async (rows) => {
        const text = rows.join('\n') + '\n'.repeat(100);
        const compiled = compileSchema(schema, options);
        const batch = batchOf(text);
        const strict = compiled.check(batch, 'all').columns;
        const lenient = (await compiled.coerce(batch, 'all')).columns;
        const expected = byRecords(text);
        expect(cellsAt(strict)).toEqual(expected.strict);
        expect(cellsAt(lenient)).toEqual(expected.lenient);
      }),
      { numRuns: 500 },
    );
  });

  it('reads numbers and times as the readers do', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.integer(),
          fc.bigInt(),
          fc.nat().map((n) => n / 100),
        ),
        fc.date({
          min: new Date(-62_135_596_800_000),
          max: new Date(253_402_300_799_999),
          noInvalidDate: true,
        }),
        (number, date) => {
          const text = jsonLine({ real: number, long: number, at: date.toISOString() });
          const compiled = compileSchema(
            new Schema([
              field('real', new Float64()),
              field('long', new Int64()),
              field('at', new Timestamp(ArrowTimeUnit.MICROSECOND, 'UTC')),
            ]),
          );
          const record = decodeRecord(batchOf(text), 0);
          const expected = compiled.schema.fields.map((each) => {
            const cell = planField(each).reader.read(record[each.name], 'typed');
            return cell instanceof Fault ? 'fault' : cell;
          });
          const { columns } = compiled.check(batchOf(`${`${text}\n`.repeat(3)}${'\n'.repeat(100)}`), 'all');
          const [first = [], second] = [cellsAt(columns)[0], cellsAt(columns)[2]];
          expect(second ?? []).toEqual(first);
          expect(expected.includes('fault') ? [] : expected).toEqual(first);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
