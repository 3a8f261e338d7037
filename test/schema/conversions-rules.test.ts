import { describe, expect, it } from 'vitest';
import {
  ArrowTimeUnit,
  Bool,
  type DataType,
  Decimal,
  Dictionary,
  Float64,
  Int32,
  Int64,
  Timestamp,
  Utf8,
} from '../../src/schema/arrow.ts';
import { coerceAbsent, coerceValue, isCell, Refusal } from '../../src/schema/coerce-value.ts';
import { planField } from '../../src/schema/field-plan.ts';
import type { Dialect } from '../../src/schema/reader.ts';
import { batchOf, cellsOf, compiled, field, ndjsonOf, valuesOf } from './schemas.ts';

type Taken = readonly [cell: unknown, kind: string | undefined];

function take(
  type: DataType,
  value: unknown,
  metadata: Record<string, string> = {},
  { dialect = 'typed', nullable = true }: { dialect?: Dialect; nullable?: boolean } = {},
): Taken {
  const result = coerceValue(planField(field('v', type, metadata, nullable)), value, dialect);
  if (result instanceof Refusal) return ['refused', result.kind];
  return isCell(result) ? [result, undefined] : [result.cell, result.kind];
}

const CONFORMS = undefined;

describe('texts are tidied only where the field asks for it', () => {
  it.each<[Record<string, string>, string, Taken]>([
    [{}, ' a ', [' a ', CONFORMS]],
    [{}, 'e\u0301', ['e\u0301', CONFORMS]],
    [{ text: 'trim' }, 'a', ['a', CONFORMS]],
    [{ text: 'trim' }, '\t a \u00a0', ['a', 'trimmed']],
    [{ text: 'trim' }, ' e\u0301', ['e\u0301', 'trimmed']],
    [{ text: 'nfc' }, '\u00e9', ['\u00e9', CONFORMS]],
    [{ text: 'nfc' }, 'e\u0301', ['\u00e9', 'normalized']],
    [{ text: 'nfc' }, ' e\u0301', [' \u00e9', 'normalized']],
    [{ text: 'trim, nfc' }, ' e\u0301 ', ['\u00e9', 'normalized']],
    [{ text: 'trim,nfc' }, ' \u00e9 ', ['\u00e9', 'trimmed']],
    [{ text: 'nfc' }, '\ud800', ['refused', 'format']],
  ])('%o: %j', (metadata, value, taken) => {
    expect(take(new Utf8(), value, metadata)).toEqual(taken);
  });
});

describe('declared words', () => {
  const words = { enum: '["ok","Idle","IDLE","\u00e9t\u00e9","7"]' };

  it.each<[unknown, Taken, Record<string, string>?]>([
    ['ok', ['ok', CONFORMS]],
    [' OK ', ['ok', 'word-from-text']],
    ['e\u0301TE\u0301', ['\u00e9t\u00e9', 'word-from-text']],
    ['idle', ['refused', 'range']],
    ['IDLE', ['IDLE', CONFORMS]],
    ['okay', ['refused', 'range']],
    ['', ['refused', 'range']],
    [7, ['7', 'text-from-number']],
    [8, ['refused', 'type']],
    ['okay', [null, 'unknown-word'], { onUnknown: 'null' }],
    [8, [null, 'unknown-word'], { onUnknown: 'null' }],
    ['OK', ['ok', 'word-from-text'], { onUnknown: 'null' }],
    ['okay', ['ok', 'defaulted'], { onUnknown: 'default', default: '"ok"' }],
    ['okay', [null, 'nulled'], { essential: 'false' }],
    [' ok', ['ok', 'trimmed'], { text: 'trim' }],
  ])('%j', (value, taken, metadata) => {
    for (const type of [new Utf8(), new Dictionary(new Utf8(), new Int32())]) {
      expect(take(type, value, { ...words, ...metadata })).toEqual(taken);
    }
  });
});

describe('lengths are counted in code points', () => {
  it.each<[Record<string, string>, string, Taken]>([
    [{ minLength: '2' }, 'ab', ['ab', CONFORMS]],
    [{ minLength: '2' }, '\u{1f600}', ['refused', 'range']],
    [{ maxLength: '2' }, '\u{1f600}\u{1f600}', ['\u{1f600}\u{1f600}', CONFORMS]],
    [{ maxLength: '2' }, 'abc', ['refused', 'range']],
    [{ maxLength: '0' }, '', ['', CONFORMS]],
    [{ maxLength: '2', text: 'trim' }, ' ab ', ['ab', 'trimmed']],
  ])('%o: %j', (metadata, value, taken) => {
    expect(take(new Utf8(), value, metadata)).toEqual(taken);
  });

  it('holds for what becomes text as well', () => {
    expect(take(new Utf8(), 123, { maxLength: '2' })).toEqual(['refused', 'type']);
    expect(take(new Utf8(), 12, { maxLength: '2' })).toEqual(['12', 'text-from-number']);
  });
});

describe('nothing', () => {
  it('is what the declared words say, also in text, and the usual words then are values', () => {
    const metadata = { nullWords: '["-","n.a."]' };
    expect(take(new Utf8(), ' n.a. ', metadata)).toEqual([null, 'null-from-text']);
    expect(take(new Utf8(), 'NA', metadata)).toEqual(['NA', CONFORMS]);
    expect(take(new Float64(), '-', metadata)).toEqual([null, 'null-from-text']);
    expect(take(new Float64(), 'NA', metadata)).toEqual(['refused', 'type']);
  });

  it('is filled by the default only where null is not allowed', () => {
    const metadata = { default: '5' };
    expect(take(new Int32(), null, metadata, { nullable: false })).toEqual([5, 'defaulted']);
    expect(take(new Int32(), null, metadata)).toEqual([null, CONFORMS]);
    expect(take(new Int32(), 'x', metadata, { nullable: false })).toEqual(['refused', 'type']);
    expect(coerceAbsent(planField(field('v', new Int32(), metadata, false)))).toMatchObject({
      cell: 5,
      kind: 'defaulted',
    });
    expect(coerceAbsent(planField(field('v', new Int32(), {}, false)))).toMatchObject({ kind: 'missing' });
  });

  it('that a default fills is counted once, whether it was absent or null', async () => {
    const schema = compiled([field('a', new Int32()), field('b', new Int32(), { default: '5' }, false)]);
    const { columns, loss, residue } = await schema.coerce(
      ndjsonOf([{ a: 1 }, { a: 1, b: null }, { a: 1, b: 2 }]),
      'all',
    );
    expect([valuesOf(columns)[1], residue]).toEqual([[5, 5, 2], []]);
    expect(loss.entries).toMatchObject([{ field: 'b', kind: 'defaulted', lossless: false, count: 2 }]);
  });
});

describe('times that are numbers', () => {
  const at = (unit: ArrowTimeUnit) => new Timestamp(unit, 'UTC');
  const [s, ms, us, ns] = [
    ArrowTimeUnit.SECOND,
    ArrowTimeUnit.MILLISECOND,
    ArrowTimeUnit.MICROSECOND,
    ArrowTimeUnit.NANOSECOND,
  ].map(at);

  it.each<[DataType | undefined, unknown, Record<string, string>, Dialect, Taken]>([
    [ms, 5, { epoch: 's' }, 'typed', [5000n, CONFORMS]],
    [ms, 5.5, { epoch: 's' }, 'typed', [5500n, CONFORMS]],
    [s, 5500, { epoch: 'ms' }, 'typed', [6n, 'rounded']],
    [ns, -1n, { epoch: 'us' }, 'typed', [-1000n, CONFORMS]],
    [ms, '5', { epoch: 's' }, 'text', [5000n, CONFORMS]],
    [ms, ' 5', { epoch: 's' }, 'text', [5000n, 'time-from-number']],
    [ms, '5', { epoch: 's' }, 'typed', [5000n, 'time-from-number']],
    [ms, '5', {}, 'text', ['refused', 'format']],
    [ns, 2 ** 54, { epoch: 's' }, 'typed', ['refused', 'range']],
    [ms, '2024-02-29T00:00:00Z', { epoch: 's' }, 'typed', [1709164800000n, CONFORMS]],
    [ns, 1700000000000000001n, {}, 'epoch', [1700000000000000001n, CONFORMS]],
    [us, 1700000000000000000n, {}, 'epoch', [1700000000000000n, CONFORMS]],
    [us, 1700000000000000500n, {}, 'epoch', [1700000000000001n, 'rounded']],
    [us, 1700000000000000499n, {}, 'epoch', [1700000000000000n, 'rounded']],
    [us, -500n, {}, 'epoch', [-1n, 'rounded']],
    [ms, 1n, {}, 'epoch-s', [1000n, CONFORMS]],
    [s, 1000n, {}, 'epoch-ms', [1n, CONFORMS]],
    [ns, 3n, {}, 'epoch-us', [3000n, CONFORMS]],
    [ns, 2n ** 62n, {}, 'epoch-s', ['refused', 'range']],
    [ms, 1700000000000000000n, {}, 'typed', [1700000000000n, 'time-from-number']],
  ])('%s <- %o %o %s', (type, value, metadata, dialect, taken) => {
    expect(take(type ?? new Bool(), value, metadata, { dialect })).toEqual(taken);
  });

  it('of line protocol are nanoseconds, whatever the unit of the column', async () => {
    const schema = compiled([
      field('measurement', new Utf8()),
      field('n', new Int32()),
      field('time', ms ?? new Bool()),
    ]);
    const batch = batchOf('m n=5i 1700000000000000000\nm n=5i 1700000000000400000', 'line-protocol');
    expect(cellsOf(schema.check(batch, 'all').columns, 2)).toEqual([1700000000000n]);
    const { columns, loss, residue } = await schema.coerce(batch, 'all');
    expect([cellsOf(columns, 2), residue]).toEqual([[1700000000000n, 1700000000000n], []]);
    expect(loss.entries).toMatchObject([{ field: 'time', kind: 'rounded', count: 1, error: { max: 0.4 } }]);
  });
});

describe('metadata that is wrong, or that nothing would enforce, is refused by field and key', () => {
  it.each<[DataType, Record<string, string>, boolean, string]>([
    [new Utf8(), { enum: 'ok' }, true, 'enum'],
    [new Utf8(), { enum: '[1]' }, true, 'enum'],
    [new Int32(), { enum: '["a"]' }, true, 'enum'],
    [new Utf8(), { onUnknown: 'null' }, true, 'onUnknown'],
    [new Utf8(), { enum: '["a"]', onUnknown: 'drop' }, true, 'onUnknown'],
    [new Utf8(), { enum: '["a"]', onUnknown: 'null' }, false, 'onUnknown'],
    [new Utf8(), { enum: '["a"]', onUnknown: 'default' }, true, 'onUnknown'],
    [new Utf8(), { enum: '["a"]', onUnknown: 'default', default: '"b"' }, true, 'default'],
    [new Utf8(), { minLength: '-1' }, true, 'minLength'],
    [new Utf8(), { maxLength: '1.5' }, true, 'maxLength'],
    [new Int32(), { maxLength: '1' }, true, 'maxLength'],
    [new Utf8(), { text: 'upper' }, true, 'text'],
    [new Utf8(), { json: 'true', text: 'trim' }, true, 'text'],
    [new Int32(), { default: 'x' }, false, 'default'],
    [new Int32(), { default: '1.5' }, false, 'default'],
    [new Int32(), { default: 'null' }, false, 'default'],
    [new Int32(), { nullWords: '["-"]' }, false, 'nullWords'],
    [new Int32(), { minimum: 'low' }, true, 'minimum'],
    [new Int32(), { epoch: 's' }, true, 'epoch'],
    [new Timestamp(ArrowTimeUnit.SECOND), { epoch: 'days' }, true, 'epoch'],
    [new Utf8(), { leadingZeros: 'true' }, true, 'leadingZeros'],
    [new Int32(), { leadingZeros: 'yes' }, true, 'leadingZeros'],
    [new Float64(), { precision: '-1' }, true, 'precision'],
  ])('%s %o', (type, metadata, nullable, key) => {
    expect(() => planField(field('v', type, metadata, nullable))).toThrow(
      expect.objectContaining({
        code: 'SCHEMA_METADATA',
        message: expect.stringContaining(`field "v": ${key} is`),
      }),
    );
  });
});

describe('bounds', () => {
  it('hold to the last digit of wide integers and decimals', () => {
    const wide = { minimum: '9007199254740993', maximum: '9007199254740994.5' };
    expect(take(new Int64(), 9007199254740992n, wide)).toEqual(['refused', 'range']);
    expect(take(new Int64(), 9007199254740993n, wide)).toEqual([9007199254740993n, CONFORMS]);
    expect(take(new Int64(), 9007199254740995n, wide)).toEqual(['refused', 'range']);
    const money = { minimum: '-1.005', maximum: '1.005' };
    expect(take(new Decimal(2, 10), '1.00', money)).toEqual(['1.00', CONFORMS]);
    expect(take(new Decimal(2, 10), '1.01', money)).toEqual(['refused', 'range']);
    expect(take(new Decimal(2, 10), '-1.01', money)).toEqual(['refused', 'range']);
    expect(take(new Decimal(2, 10), '-1.00', { maximum: '-1.005' })).toEqual(['refused', 'range']);
    expect(take(new Int32(), -1, { maximum: '-1.5' })).toEqual(['refused', 'range']);
    expect(take(new Int32(), -2, { maximum: '-1.5', minimum: '-2' })).toEqual([-2, CONFORMS]);
  });
});
