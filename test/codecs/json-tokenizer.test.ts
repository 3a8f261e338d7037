import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExactJson } from '../../src/codecs/json-text.ts';
import { jsonTokenizer } from '../../src/codecs/json-tokenizer.ts';
import { TOKEN, TOKEN_STRIDE, Tokens } from '../../src/codecs/tokens.ts';

/** Names and values by the tokenizer; undefined when it refuses the row. */
function tokenized(bytes: Uint8Array, end = bytes.length): [string, unknown][] | undefined {
  const tokenizer = jsonTokenizer(bytes);
  const tokens = new Tokens();
  if (!tokenizer.tokenize(0, end, tokens)) return undefined;
  return Array.from({ length: tokens.count }, (_, index) => [
    tokenizer.name(tokens, index),
    tokenizer.value(tokens, index),
  ]);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The same by JSON.parse. */
function decoded(bytes: Uint8Array): [string, unknown][] | undefined {
  try {
    const value = parseExactJson(utf8.decode(bytes));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? Object.entries(value) : [['value', value]];
  } catch {
    return undefined;
  }
}

/** Members of the last of equal names only, in the order of first mention, as objects keep them. */
function lastOnes(members: [string, unknown][] | undefined): [string, unknown][] | undefined {
  if (!members) return undefined;
  const object: Record<string, unknown> = Object.create(null);
  for (const [name, value] of members) object[name] = value;
  return Object.entries(object);
}

function expectSame(bytes: Uint8Array): void {
  expect(lastOnes(tokenized(bytes)), Buffer.from(bytes).toString('latin1')).toEqual(decoded(bytes));
}

const FRAGMENTS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '"a"',
  '"b":',
  '"a":1',
  '{"a":',
  '[1,2]',
  '{"x":{"y":[]}}',
  'true',
  'false',
  'null',
  'nul',
  '0',
  '-0',
  '01',
  '1.',
  '1.5',
  '.5',
  '1e5',
  '1E+',
  '-',
  '9007199254740993',
  '1e400',
  '\\',
  '"\\u00e9"',
  '"\\ud800"',
  '"\\x"',
  '"\\u12"',
  ' ',
  '\t',
  '\r',
  '\u00a0',
  '\ufeff',
  '"ü"',
  '"\u{1f600}"',
  '\u0000',
  '"\u0001"',
  '"__proto__":',
  'NaN',
];

describe('the JSON tokenizer', () => {
  it('accepts the rows that JSON.parse accepts, with the same names and values', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 12 }), (parts) => {
        expectSame(Buffer.from(parts.join('')));
      }),
      { numRuns: 5000 },
    );
  });

  it('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (record) => {
        expectSame(Buffer.from(JSON.stringify(record)));
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses what is not UTF-8 wherever it stands', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), fc.constantFrom('k', 'v', 'n'), (bytes, place) => {
        const parts = { k: ['{"', '":1}'], v: ['{"a":"', '"}'], n: ['{"a":["', '"]}'] }[place];
        expectSame(Buffer.concat([Buffer.from(parts?.[0] ?? ''), bytes, Buffer.from(parts?.[1] ?? '')]));
      }),
      { numRuns: 5000 },
    );
  });

  it('accepts a mutated record exactly when JSON.parse does', () => {
    const text = '{"id":12,"s":"a\\u00e9\\n","f":-1.5e3,"n":{"a":[1,{"b":null}],"c":true},"z":[]}';
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(text);
        bytes[at] = byte;
        expectSame(bytes);
      }),
      { numRuns: 5000 },
    );
  });

  it('tells every one of equal names', () => {
    expect(tokenized(Buffer.from('{"a":1,"a":2}'))).toEqual([
      ['a', 1],
      ['a', 2],
    ]);
  });

  it('never looks beyond the end of its row', () => {
    const text = '{"a":[1,"x\\u0041",true],"b":-1.5e3}';
    for (let end = 0; end < text.length; end += 1) {
      expect(tokenized(Buffer.from(text), end), text.slice(0, end)).toBeUndefined();
    }
  });

  it('takes nesting up to its limit as one value, and what is deeper as no row', () => {
    // The row is a level itself.
    const nested = `${'[{"a":'.repeat(499)}[1]${'}]'.repeat(499)}`;
    const bytes = Buffer.from(`{"deep":${nested}}`);
    const tokens = new Tokens();
    expect(jsonTokenizer(bytes).tokenize(0, bytes.length, tokens)).toBe(true);
    expect([tokens.count, tokens.data[2]]).toEqual([1, TOKEN.nested]);
    expect(Number(tokens.data[4]) - Number(tokens.data[3])).toBe(nested.length);
    expect(TOKEN_STRIDE).toBe(5);
    expect(tokenized(Buffer.from(`{"deep":${'['.repeat(1000)}${']'.repeat(1000)}}`))).toBeUndefined();
  });

  it('stops where its codec stops, at levels and at digits, in whatever is around them', () => {
    const rows = (levels: number, value: string): readonly string[] => [
      `${'['.repeat(levels)}${value}${']'.repeat(levels)}`,
      `{"a":${'['.repeat(levels - 1)}${value}${']'.repeat(levels - 1)}}`,
      `{"k":"]}","a":${'{"[\\"{":'.repeat(levels - 1)}${value}${'}'.repeat(levels - 1)}}`,
    ];
    for (const value of ['1', '12345678901234567890']) {
      for (const row of rows(1000, value)) expect(decoded(Buffer.from(row))).toBeDefined();
      for (const row of rows(1001, value)) expect(decoded(Buffer.from(row))).toBeUndefined();
      for (const levels of [999, 1000, 1001])
        for (const row of rows(levels, value)) expectSame(Buffer.from(row));
    }
    for (const digits of [4299, 4300, 4301]) {
      const long = '9'.repeat(digits);
      for (const value of [long, `-${long}`, `${long}.5`, `${long}e-9`, `1e${long}`, `0.${long}`]) {
        for (const row of [value, `{"a":${value}}`, `{"a":[${value}]}`]) expectSame(Buffer.from(row));
      }
    }
    expect(decoded(Buffer.from(`[${'9'.repeat(4301)}]`))).toBeUndefined();
  });

  it('takes an object of 100,000 names', () => {
    const bytes = Buffer.from(
      `{${Array.from({ length: 100_000 }, (_, index) => `"k${index}":${index}`).join(',')}}`,
    );
    expect(tokenized(bytes)?.length).toBe(100_000);
  });
});
