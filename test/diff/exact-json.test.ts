import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExactJson as parseOfCodecs } from '../../src/codecs/json-text.ts';
import type { BatchInput } from '../../src/core/batch.ts';
import { isSameValue } from '../../src/diff/compare.ts';
import { diffSources } from '../../src/diff/diff-sources.ts';
import { rowDigest } from '../../src/diff/digest.ts';
import { parseExactJson } from '../../src/diff/exact-json.ts';
import { batchSource, type RecordSource } from '../../src/diff/record-source.ts';
import { valueKey } from '../../src/diff/row-key.ts';
import { parseRules } from '../../src/diff/rules.ts';
import { Decimal } from '../../src/diff/typed-value.ts';

const rule = parseRules().of('n');

/** The number of a text as its significant digits and a power of ten, by text alone. */
function writtenAs(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  if (kept === '') return '0';
  return `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{0,${max}}$`));
const exponent = fc.oneof(
  fc.constant(''),
  fc.integer({ min: -330, max: 330 }).map((power) => `e${power}`),
);
const numberText = fc.oneof(
  fc
    .tuple(fc.constantFrom('', '-'), fc.stringMatching(/^(0|[1-9][0-9]{0,24})$/), digits(24), exponent)
    .map(([sign, whole, fraction, power]) => `${sign}${whole}${fraction && `.${fraction}`}${power}`),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
);
/** The same number or one nearby, spelled in another way. */
const neighbour = (text: string) =>
  fc.constantFrom(
    text,
    /[.e]/.test(text) ? text : `${text}.000`,
    /[.]/.test(text) && !text.includes('e') ? `${text}0000000000000000` : text,
    /[.]/.test(text) && !text.includes('e')
      ? `${text}0000000000000001`
      : `${text}${text.includes('e') ? '' : 'e0'}`,
    String(Number(text)).includes('Infinity') ? text : JSON.stringify(Number(text)),
  );
const pair = numberText.chain((text) => fc.tuple(fc.constant(text), fc.oneof(numberText, neighbour(text))));

async function* inputs(body: string): AsyncGenerator<BatchInput, void, undefined> {
  yield { body, format: 'ndjson' };
}

function isReadBy(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxError);
    return false;
  }
}

describe('numbers of JSON', () => {
  it('are the same exactly when they are one decimal number, however they are spelled', () => {
    fc.assert(
      fc.property(pair, ([x, y]) => {
        const isSame = writtenAs(x) === writtenAs(y);
        const [a, b] = [parseExactJson(`{"n":${x}}`), parseExactJson(`[ ${y}]`)] as [{ n: unknown }, unknown[]];
        expect(isSameValue(a.n, b[0], rule), `${x} and ${y}`).toBe(isSame);
        expect(valueKey(a.n, rule, false) === valueKey(b[0], rule, false)).toBe(isSame);
        expect(rowDigest({ n: a.n }) === rowDigest({ n: b[0] })).toBe(isSame);
        expect(isSameValue(a.n, new Decimal(y), rule)).toBe(isSame);
      }),
      { numRuns: 2000 },
    );
  });

  it('stay numbers where their double is spelled that way', () => {
    const text = '{"a":0.1,"b":1e3,"c":-1.5e-7,"d":9007199254740991,"e":0.30000000000000004,"f":1.50}';
    expect(parseExactJson(text)).toEqual(JSON.parse(text));
    expect(parseExactJson('[12.0000000000000000000]')).toEqual([12]);
  });

  it.each(['0.10000000000000000001', '12345678901234567.5', '1e400', '-1e-400', '5.00000000000000000001'])(
    'keep every digit of %s',
    (text) => {
      expect(parseExactJson(text)).toEqual(new Decimal(text));
      expect(parseExactJson(`{"a":[${text} ]}`)).toEqual({ a: [new Decimal(text)] });
    },
  );

  it('are told apart beyond exact arithmetic by their text', () => {
    const [a, b, c] = parseExactJson('[1e5000,1e5000,1e5001]') as unknown[];
    expect([isSameValue(a, b, rule), isSameValue(a, c, rule)]).toEqual([true, false]);
  });

  it('are refused beyond the limits of the codecs, and rows with them are not compared', async () => {
    const digits = (count: number): string => '9'.repeat(count);
    const levels = (count: number): string => `${'[{"a":'.repeat(count / 2)}1${'}]'.repeat(count / 2)}`;
    const texts = [
      digits(4300),
      `-${digits(4300)}`,
      digits(4301),
      `-${digits(4301)}`,
      levels(998),
      levels(1000),
    ];
    const body = texts.map((n, id) => `{"id":${id},"n":${n}}\n`).join('');
    const source = (): RecordSource => batchSource('a', 'ndjson', inputs(body));
    const report = await diffSources(source(), source(), {
      key: ['id'],
      openSpill: () => Promise.reject(new Error('everything fits')),
    });
    expect(report).toMatchObject({ equal: 3, undecodable: { a: 3, b: 3 } });
    expect(report.undecodable.samples[0]).toContain('an integer has 4301 digits, more than 4300');
    expect(report.undecodable.samples[2]).toContain('it is nested deeper than 1000 levels');
    for (const text of texts)
      expect(isReadBy(parseExactJson, `{"n":${text}}`)).toBe(isReadBy(parseOfCodecs, `{"n":${text}}`));
  });

  it('of 17 digits are the doubles that they stand for within 1e-15r, and only there', () => {
    const tolerant = parseRules(['*=1e-15r']).of('n');
    let others = 0;
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        // Below them, doubles have fewer digits.
        fc.pre(value === 0 || Math.abs(value) > 2.3e-308);
        const [long, short] = [parseExactJson(value.toPrecision(17)), parseExactJson(JSON.stringify(value))];
        expect(isSameValue(long, short, tolerant)).toBe(true);
        others += isSameValue(long, short, rule) ? 0 : 1;
      }),
    );
    expect(others).toBeGreaterThan(10);
    expect(isSameValue(parseExactJson('0.1000000000000002'), 0.1, tolerant)).toBe(false);
  });

  it('are integers at any size', () => {
    expect(parseExactJson('[9007199254740993,-123456789012345678901234567890]')).toEqual([
      9007199254740993n,
      -123456789012345678901234567890n,
    ]);
  });

  it('are found wherever they stand', () => {
    for (let length = 0; length < 40; length += 1) {
      const before = '1,'.repeat(length >> 1) + ' '.repeat(length % 2);
      expect((parseExactJson(`[${before}9007199254740993]`) as unknown[]).at(-1)).toBe(9007199254740993n);
      expect((parseExactJson(`[${before}9.00000000000000e1,7]`) as unknown[]).at(-2)).toBe(90);
    }
  });

  it('are not seen within strings', () => {
    fc.assert(
      fc.property(numberText, fc.constantFrom('', ' ', ',', ':'), (number, edge) => {
        const record = { s: `${edge}${number}${edge}`, t: [`"${number}`], v: 0 };
        expect(parseExactJson(JSON.stringify(record))).toEqual(record);
      }),
    );
  });
});
