import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DataType,
  Decimal,
  Float16,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  Uint64,
} from '../../src/schema/arrow.ts';
import { nearestOf, SINGLE } from '../../src/schema/float-width.ts';
import { batchOf, cellsOf, compiled, field } from './schemas.ts';

/** What becomes of a bare csv cell: a text is how a number is written there. */
async function take(type: DataType, text: string, metadata: Record<string, string> = {}) {
  const schema = compiled([field('v', type, metadata), field('w', type)]);
  const batch = batchOf(`v,w\n${text},`, 'csv');
  const { columns, residue } = schema.check(batch, 'all');
  const coerced = await schema.coerce(batch, 'all');
  return {
    strict: columns.rows.length === 1 ? cellsOf(columns)[0] : residue[0]?.detail?.split(' ')[1],
    cell: coerced.columns.rows.length === 1 ? cellsOf(coerced.columns)[0] : 'refused',
    kind: coerced.loss.entries[0]?.kind,
    error: coerced.loss.entries[0]?.error?.max,
  };
}

const TENTH_IN_FULL = '0.1000000000000000055511151231257827021181583404541015625';

describe('a number text conforms when it spells the value of the column', () => {
  it.each<[DataType, string, unknown]>([
    [new Float64(), '0.1', 0.1],
    [new Float64(), '0.30000000000000004', 0.30000000000000004],
    [new Float64(), TENTH_IN_FULL, 0.1],
    [new Float64(), '1.50', 1.5],
    [new Float64(), '-0', -0],
    [new Float64(), '0e99999', 0],
    [new Float64(), '5e-324', 5e-324],
    [new Float64(), '4.9406564584124654e-324', 5e-324],
    [new Float64(), '9007199254740992', 2 ** 53],
    [new Float64(), '9007199254740994', 2 ** 53 + 2],
    [new Float64(), '1.7976931348623157e308', Number.MAX_VALUE],
    [new Float64(), '12345678901234567000', 12345678901234567000],
    [new Float32(), '0.1', Math.fround(0.1)],
    [new Float32(), '23.4567', Math.fround(23.4567)],
    [new Float32(), '16777216', 2 ** 24],
    [new Float32(), '3.4028235e38', 3.4028234663852886e38],
    [new Float32(), '1e-45', 2 ** -149],
    [new Float32(), '0.10000000149011612', Math.fround(0.1)],
    [new Float16(), '0.1', 0.0999755859375],
    [new Float16(), '65504', 65504],
    [new Float16(), '6e-8', 2 ** -24],
    [new Uint64(), '18446744073709551615', 2n ** 64n - 1n],
    [new Decimal(4, 38), '1234567890123456789012345678901234.5678', '1234567890123456789012345678901234.5678'],
  ])('%s <- %s', async (type, text, cell) => {
    expect(await take(type, text)).toEqual({ strict: cell, cell, kind: undefined, error: undefined });
  });
});

describe('a number text with more than the column holds is refused, or rounded within the precision', () => {
  it.each<[DataType, string, string, string, unknown, number]>([
    [new Float64(), '0.10000000000000000001', 'precision', '1e-15', 0.1, 5.541115123125783e-18],
    [new Float64(), '3e-324', 'precision', '1e-10', 5e-324, 5e-324],
    [new Float64(), '1e-400', 'precision', '1e-10', 0, 5e-324],
    [new Float64(), '9007199254740993', 'precision', '1', 2 ** 53, 1],
    [new Float64(), '-9007199254740993', 'precision', '1e-9r', -(2 ** 53), 1],
    [new Float32(), '16777217', 'precision', '1', 2 ** 24, 1],
    [new Float32(), '23.4567891', 'precision', '1e-5', Math.fround(23.4567891), 8.3276367188e-8],
    [new Float16(), '2049', 'precision', '1', 2048, 1],
    [new Float16(), '0.123456', 'precision', '1e-3', 0.12347412109375, 0.00001812109375],
    [new Int32(), '12.6', 'type', '0.4', 13, 0.4],
    [
      new Decimal(2, 38),
      '99999999999999999999999999999999999.994',
      'precision',
      '0.004',
      '99999999999999999999999999999999999.99',
      0.004,
    ],
  ])('%s <- %s', async (type, text, fault, precision, cell, error) => {
    expect(await take(type, text)).toMatchObject({ strict: fault, cell: 'refused' });
    const taken = await take(type, text, { precision });
    expect(taken).toMatchObject({ strict: fault, cell, kind: 'rounded' });
    expect(Math.abs((taken.error ?? 0) / error - 1)).toBeLessThan(1e-9);
  });

  it('refuses what is out of range whatever the precision', async () => {
    for (const [type, text] of [
      [new Float64(), '1e400'],
      [new Float64(), '-1.8e308'],
      [new Float32(), '3.4028236e38'],
      [new Float16(), '65520'],
      [new Int8(), '128'],
      [new Int64(), '9223372036854775808'],
    ] as const) {
      expect(await take(type, text, { precision: '1e300' })).toMatchObject({ cell: 'refused' });
    }
  });

  it('holds the precision to the last digit', async () => {
    const precision = '0.1000000000000000000000000000000000000001';
    const at = (text: string) => take(new Int64(), text, { precision });
    expect(await at('5.1000000000000000000000000000000000000001')).toMatchObject({ cell: 5n });
    expect(await at('5.1000000000000000000000000000000000000002')).toMatchObject({ cell: 'refused' });
  });
});

describe('the nearest value of a narrow column', () => {
  it('is not the nearest of the nearest double where that is a tie', () => {
    expect(nearestOf('1.000000059604644775390625', SINGLE)).toBe(1);
    expect(nearestOf('1.00000005960464477539062500000000001', SINGLE)).toBe(Math.fround(1 + 2 ** -23));
    expect(nearestOf('1.00000017881393432617187499999999999', SINGLE)).toBe(Math.fround(1 + 2 ** -23));
  });

  it('is what the parser of the platform finds, for float32 by way of an exact search', () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, min: Math.fround(-1e15), max: Math.fround(1e15) }),
        fc.bigInt(0n, 999n),
        (value, tail) => {
          const text = `${value.toFixed(20)}${tail}`;
          const near = nearestOf(text, SINGLE);
          const gap = gapBetween(rationalOf(text), rationalOfDouble(near));
          for (const step of [2 ** -149, Math.abs(near) * 2 ** -23]) {
            for (const other of [Math.fround(near + step), Math.fround(near - step)]) {
              if (!Number.isFinite(other)) continue;
              expect(isAtMost(gap, gapBetween(rationalOf(text), rationalOfDouble(other)))).toBe(true);
            }
          }
        },
      ),
    );
  });
});

describe('leading zeros', () => {
  it('are no number unless the schema says so', async () => {
    const metadata = { leadingZeros: 'true', precision: '0.5' };
    for (const type of [new Int32(), new Float64(), new Decimal(0, 9)]) {
      expect((await take(type, '007')).cell).toBe('refused');
      const { strict, kind } = await take(type, '-007', metadata);
      expect([Number(strict), kind]).toEqual([-7, undefined]);
    }
    expect(await take(new Int32(), ' 007', metadata)).toMatchObject({ cell: 7, kind: 'number-from-text' });
    expect(await take(new Int32(), '007.4', metadata)).toMatchObject({ cell: 7, kind: 'rounded' });
    expect(await take(new Int32(), '0x7', metadata)).toMatchObject({ cell: 'refused' });
  });
});

/** Exact rationals, by other means than the code under test. */
interface Rational {
  readonly over: bigint;
  readonly under: bigint;
}

function rationalOf(text: string): Rational {
  const [, sign, whole, fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const over = BigInt(`${sign}${whole}${fraction}`);
  const power = BigInt(exponent) - BigInt(fraction.length);
  return power < 0n ? { over, under: 10n ** -power } : { over: over * 10n ** power, under: 1n };
}

function rationalOfDouble(value: number): Rational {
  let [over, under] = [value, 1n];
  while (!Number.isInteger(over)) {
    // Doubling is exact.
    over *= 2;
    under *= 2n;
  }
  return { over: BigInt(over), under };
}

function gapBetween(a: Rational, b: Rational): Rational {
  const over = a.over * b.under - b.over * a.under;
  return { over: over < 0n ? -over : over, under: a.under * b.under };
}

function isAtMost(a: Rational, b: Rational): boolean {
  return a.over * b.under <= b.over * a.under;
}

function rationalOfCell(cell: unknown): Rational {
  return typeof cell === 'number' ? rationalOfDouble(cell) : rationalOf(String(cell));
}

const digits = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength });
const decimalText = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(
      fc.constant('0'),
      digits(38).map((text) => text.replace(/^0+(?=.)/, '')),
    ),
    fc.oneof(
      fc.constant(''),
      digits(38).map((text) => `.${text}`),
    ),
    fc.oneof(
      fc.constant(''),
      fc.integer({ min: -345, max: 310 }).map((power) => `e${power}`),
      fc.integer({ min: -9, max: 9 }).map((power) => `E${power}`),
    ),
  )
  .map((parts) => parts.join(''));
/** Around the powers of two where doubles, floats and halves become sparse. */
const edgeText = fc
  .tuple(
    fc.constantFrom(11n, 24n, 53n, 63n, 64n),
    fc.bigInt(-9n, 9n),
    fc.constantFrom('', '.5', '.499999999999'),
  )
  .map(([power, offset, fraction]) => `${2n ** power + offset}${fraction}`);
const doubleText = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String);
const numberText = fc.oneof(decimalText, edgeText, doubleText);
const precisionText = fc.constantFrom('0', '1e-20', '1e-6', '0.01', '0.5', '1', '1e-16r', '1e-9r', '1e-3r');
const numberType = fc.constantFrom(
  new Float64(),
  new Float32(),
  new Float16(),
  new Int64(),
  new Int32(),
  new Decimal(4, 38),
);

describe('whatever the number, the type and the precision', () => {
  it('no accepted number is further from its text than the precision, in exact arithmetic', async () => {
    const seen = { spelled: 0, rounded: 0 };
    await fc.assert(
      fc.asyncProperty(numberText, numberType, precisionText, async (text, type, precision) => {
        const { cell, kind, error = 0 } = await take(type, text, { precision });
        if (cell === 'refused') return;
        const before = rationalOf(text);
        const gap = gapBetween(before, rationalOfCell(cell));
        if (kind !== 'rounded') {
          const shown = typeof cell === 'number' ? spellings(cell) : [];
          const isSpelled = shown.some((each) => gapBetween(rationalOf(each), before).over === 0n);
          expect(isSpelled || gap.over === 0n).toBe(true);
          seen.spelled += 1;
          return;
        }
        seen.rounded += 1;
        const { over, under } = rationalOf(precision.replace('r', ''));
        const size = before.over < 0n ? -before.over : before.over;
        const limit = precision.endsWith('r')
          ? { over: over * size, under: under * before.under }
          : { over, under };
        expect(isAtMost(gap, limit)).toBe(true);
        expect(error).toBeGreaterThan(0);
        expect(
          Math.abs(error - Number(gap.over) / Number(gap.under)) <= error * 1e-8 || gap.under > 10n ** 300n,
        ).toBe(true);
      }),
      { numRuns: 4000 },
    );
    expect(Math.min(seen.spelled, seen.rounded)).toBeGreaterThan(100);
  });

  it('a text that spells a double is always taken by a column of doubles', async () => {
    await fc.assert(
      fc.asyncProperty(doubleText, async (text) => {
        expect(await take(new Float64(), text)).toMatchObject({ strict: Number(text), kind: undefined });
      }),
    );
  });
});

/** Every text with which a value is told from its neighbours. */
function spellings(value: number): string[] {
  return Array.from({ length: 17 }, (_, index) => value.toPrecision(index + 1));
}
