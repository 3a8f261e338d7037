import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrowTimeUnit, DateDay, Int32, Schema, Timestamp, Utf8 } from '../../../src/schema/arrow.ts';
import { isPlainDay, isPlainInstant, isPlainJson } from '../../../src/schema/drift/fast-accept.ts';
import { compileMask, type MaskOptions, type ParsedRecord } from '../../../src/schema/drift/record-mask.ts';
import { toJsonText } from '../../../src/schema/json-text.ts';
import { type Dialect, Fault } from '../../../src/schema/reader.ts';
import { type PlannedFields, planFields } from '../../../src/schema/schema-plan.ts';
import { parseIsoDate, parseIsoTime } from '../../../src/schema/time-grammar.ts';
import { readCell } from '../oracle/read-cell.ts';
import { field } from '../schemas.ts';
import { recordsOf, schemas } from './drifting-records.ts';

const WAYS: readonly [string, MaskOptions][] = [
  ['generated code', {}],
  ['closures', { canGenerate: false }],
];

/** By the strict check itself: names of the fields it refuses, and `(extra)`. */
function refused(plan: PlannedFields, record: ParsedRecord, dialect: Dialect): string[] {
  const copy: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(record)) copy[name] = value;
  const names = plan.fields.flatMap((each) =>
    readCell(each, copy, dialect) instanceof Fault ? [each.column.name] : [],
  );
  return Object.keys(copy).some((name) => !plan.columnNames.includes(name)) ? ['(extra)', ...names] : names;
}

function masked(plan: PlannedFields, record: ParsedRecord, options: MaskOptions = {}): string[] {
  const mask = compileMask(plan, options);
  const words = new Int32Array(mask.wordCount).fill(-1);
  const all = mask.test(record, words);
  expect(all).toBe(words.reduce((bits, word) => bits | word, 0));
  return ['(extra)', ...plan.columnNames].filter((_, bit) => ((words[bit >> 5] ?? 0) >>> (bit & 31)) & 1);
}

function planOf(...names: string[]): PlannedFields {
  return planFields(new Schema(names.map((name) => field(name, new Int32(), {}, false))));
}

describe.each(WAYS)('the mask by %s', (_way, options) => {
  it('has a bit for each field that the strict check refuses, and for those it does not know', () => {
    const cases = schemas.chain((schema) =>
      fc.record({
        plan: fc.constant(planFields(schema)),
        record: recordsOf(schema),
        dialect: fc.constantFrom<Dialect>('typed', 'text', 'epoch'),
      }),
    );
    fc.assert(
      fc.property(cases, ({ plan, record, dialect }) => {
        expect(masked(plan, record, { ...options, dialect })).toEqual(refused(plan, record, dialect));
      }),
      { numRuns: 1_500 },
    );
  });

  it('takes only own members for data', () => {
    const plan = planOf('a', 'constructor', '__proto__');
    const full = JSON.parse('{"a":1,"constructor":2,"__proto__":3}');
    expect(masked(plan, full, options)).toEqual([]);
    expect(masked(plan, { a: 1 }, options)).toEqual(['constructor', '__proto__']);
    expect(masked(plan, Object.create({ a: 1, b: 2 }), options)).toEqual(plan.columnNames);
    expect(masked(plan, Object.assign(Object.create(null), { a: 1, toString: 1 }), options)).toEqual([
      '(extra)',
      'constructor',
      '__proto__',
    ]);
  });

  it('is not misled by members that were given to all objects after it was made', () => {
    const plan = planOf('a', 'late', 'later');
    const mask = compileMask(plan, options);
    const words = new Int32Array(1);
    const prototype = Object.prototype as unknown as Record<string, unknown>;
    try {
      Object.defineProperty(prototype, 'later', { value: 1, enumerable: false, configurable: true });
      expect(mask.test({ a: 1, late: 1 }, words)).toBe(0b1000);
      prototype['late'] = 1;
      expect(mask.test({ a: 1, other: 1 }, words)).toBe(0b1101);
      const short = compileMask(planOf('a', 'late'), options);
      expect(short.test({ a: 1 }, words)).toBe(0b100);
    } finally {
      delete prototype['late'];
      delete prototype['later'];
    }
  });

  it('has as many words as a wide schema needs', () => {
    const names = Array.from({ length: 100 }, (_, index) => `f${index}`);
    const plan = planOf(...names);
    const record = Object.fromEntries(names.map((name, index) => [name, index % 31 === 30 ? 'x' : index]));
    expect(masked(plan, record, options)).toEqual(['f30', 'f61', 'f92']);
    expect(masked(plan, { ...record, more: 1 }, options)).toEqual(['(extra)', 'f30', 'f61', 'f92']);
  });

  it('leaves fields with rules of their own to their readers', () => {
    const plan = planFields(new Schema([field('d', new DateDay(), { format: 'YYYY-DD-MM' })]));
    expect(masked(plan, { d: '2024-02-29' }, options)).toEqual(['d']);
    expect(masked(plan, { d: '2024-29-02' }, options)).toEqual([]);
  });

  it('tells apart a field that is not there from one that is null', () => {
    const plan = planFields(
      new Schema([
        field('a', new Utf8()),
        field('b', new Utf8(), { optional: 'true' }),
        field('c', new Utf8(), {}, false),
      ]),
    );
    expect(masked(plan, { a: null, b: null, c: null }, options)).toEqual(['c']);
    expect(masked(plan, { c: '' }, options)).toEqual(['a']);
    expect(masked(plan, { a: undefined, b: undefined, c: '' }, options)).toEqual(['a']);
  });
});

describe('where code cannot be generated', () => {
  it('uses closures, with the same result', () => {
    const url = (path: string): string => new URL(`../../../src/schema/${path}`, import.meta.url).href;
    const script = `
      import { Schema, Field, Int32 } from ${JSON.stringify(url('arrow.ts'))};
      import { planFields } from ${JSON.stringify(url('schema-plan.ts'))};
      import { compileMask } from ${JSON.stringify(url('drift/record-mask.ts'))};
      const mask = compileMask(planFields(new Schema([new Field('a', new Int32(), false)])));
      console.log(mask.isGenerated, mask.test({ a: 'x', b: 1 }, new Int32Array(1)));`;
    const flags = ['--disallow-code-generation-from-strings', '--no-warnings', '--input-type=module'];
    const cwd = fileURLToPath(new URL('../../..', import.meta.url));
    expect(execFileSync(process.execPath, [...flags, '-e', script], { cwd, encoding: 'utf8' })).toBe(
      'false 3\n',
    );
  });

  it('does not generate code for thousands of fields either', () => {
    const names = Array.from({ length: 5_000 }, (_, index) => `f${index}`);
    expect(compileMask(planOf(...names)).isGenerated).toBe(false);
    expect(compileMask(planOf('a')).isGenerated).toBe(true);
  });
});

/** A valid text with a few characters replaced. */
const nearly = (valid: string): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(fc.nat(valid.length), fc.constantFrom(...'0123456789-:.TZz+ ,٣')), { maxLength: 3 })
    .map((edits) => edits.reduce((text, [at, char]) => text.slice(0, at) + char + text.slice(at + 1), valid));

describe('the fast tests', () => {
  it('accept no day that the grammar refuses', () => {
    fc.assert(
      fc.property(nearly('2024-02-29'), (text) => {
        if (isPlainDay(text)) expect(parseIsoDate(text)).toBeDefined();
      }),
      { numRuns: 3_000 },
    );
    expect(['2024-02-29', '2023-12-31', '2000-02-29'].every(isPlainDay)).toBe(true);
    expect(['1900-02-29', '2023-02-29', '2023-04-31', '2023-00-01', '2023-01-00'].some(isPlainDay)).toBe(false);
  });

  it('accept no instant that the reader refuses', () => {
    const units = [ArrowTimeUnit.SECOND, ArrowTimeUnit.MILLISECOND, ArrowTimeUnit.NANOSECOND] as const;
    const readers = units.map((unit) => {
      const [plan] = planFields(new Schema([field('t', new Timestamp(unit, 'UTC'))])).fields;
      return plan?.reader;
    });
    fc.assert(
      fc.property(nearly('2024-02-29T23:59:59.125Z'), (text) => {
        [0, 3, 9].forEach((decimals, index) => {
          if (isPlainInstant(text, decimals)) expect(readers[index]?.read(text, 'typed')).toBeTypeOf('bigint');
        });
      }),
      { numRuns: 3_000 },
    );
    expect(isPlainInstant('2024-02-29T23:59:59Z', 0) && isPlainInstant('2024-02-29T23:59:59.5Z', 3)).toBe(true);
    expect(parseIsoTime('2024-02-29T23:59:59.Z')).toBeUndefined();
    expect(isPlainInstant('2024-02-29T23:59:59.Z', 3)).toBe(false);
  });

  it('accept no nested value that has no JSON text of its own meaning', () => {
    const nested = fc.anything({
      withBigInt: true,
      withDate: true,
      withNullPrototype: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(nested, (value) => {
        if (isPlainJson(value)) expect(toJsonText(value)).toBeDefined();
      }),
      { numRuns: 2_000 },
    );
    expect(isPlainJson({ a: [1, 'x', null, { b: true }] })).toBe(true);
    expect(isPlainJson({ toJSON: () => 1 })).toBe(false);
  });

  it('end at nested values of any depth', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect(isPlainJson(deep)).toBe(false);
  });
});
