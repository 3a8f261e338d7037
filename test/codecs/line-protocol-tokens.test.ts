import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineProtocolTokenizer } from '../../src/codecs/line-protocol-tokenizer.ts';
import { TOKEN, TOKEN_STRIDE, Tokens } from '../../src/codecs/tokens.ts';
import { expectTokensAsDecoded } from './batches.ts';

describe('tokens of a point', () => {
  const name = fc.constantFrom(
    'a',
    'b',
    'time',
    'measurement',
    'é',
    '\\,',
    '\\=',
    '\\ ',
    '\\',
    'a\\\\',
    '"',
    '7',
  );
  const scalar = fc.constantFrom(
    ...[
      '1',
      '-1.5',
      '1.',
      '.5',
      '+1',
      '007',
      '1e3',
      '1e400',
      '1e99',
      '5i',
      '-5i',
      '5u',
      '-5u',
      't',
      'TRUE',
      'fals',
    ],
    ...['123456789012345', '1234567890123456', '0.1234567890123456', '9223372036854775808i', '"x"', '"a\\"b"'],
    ...['"a\nb"', '"é"', '"\\\\"', '"', '""', '18446744073709551616u', '0x1', '1i2', 'T1', ''],
  );
  const pair = (right: fc.Arbitrary<string>) => fc.tuple(name, right).map((parts) => parts.join('='));
  const list = (right: fc.Arbitrary<string>, minLength: number) =>
    fc.array(pair(right), { minLength, maxLength: 4 });
  const line = fc
    .tuple(name, list(name, 0), list(scalar, 1), fc.constantFrom('', ' 1', ' -1', '  12  ', ' 1x', ' '))
    .map(([head, tags, fields, time]) => `${[head, ...tags].join(',')} ${fields.join(',')}${time}`);
  const text = fc
    .array(fc.oneof({ weight: 8, arbitrary: line }, fc.string({ unit: 'binary', maxLength: 9 })), {
      maxLength: 6,
    })
    .map((lines) => Buffer.from(lines.join('\n')));
  const common = fc.constantFrom(
    ...[
      '1',
      '-2.5',
      '0',
      '-0',
      '0.5',
      '00',
      '-',
      '1.',
      '.5',
      '5-',
      '1-2',
      '--1',
      '1.2.3',
      '12345678901234.5',
      '1234567890123456',
      '1'.repeat(257),
      '1e5',
    ],
    ...[
      '7i',
      '-7i',
      '123456789012345678i',
      '9223372036854775808i',
      'i',
      '-i',
      '1ii',
      '1i2',
      '1.5i',
      '7u',
      'true',
      'false',
      'T',
    ],
    ...['tru', 'truex', 'falsy', '"x"', '"é"', '"a b,c=d"', '"a\nb"', '"\\""', '"x', '""', '', ',', ' '],
  );
  const time = fc.constantFrom(
    '',
    ' 0',
    ' 1700000000000000001',
    ' 9223372036854775808',
    ' -5',
    '  5',
    ' 5 ',
    ' x',
    ' ',
  );
  const tag = fc.constantFrom('a', 'b-1', 'é', 'a\\ b', '', 'a=b', 'a\tb');
  /** Points with the same names over and over, and now and then others. */
  const alike = fc
    .array(
      fc.oneof(
        {
          weight: 9,
          arbitrary: fc.tuple(tag, common, common, time).map(([t, f, g, at]) => `m,t=${t} f=${f},g=${g}${at}`),
        },
        {
          weight: 1,
          arbitrary: fc.tuple(tag, common, time).map(([t, f, at]) => `m,t=${t} f=${f},time=${f}${at}`),
        },
        { weight: 1, arbitrary: line },
      ),
      { maxLength: 9 },
    )
    .chain((lines) =>
      fc.constantFrom('\n', '\r\n').map((lineEnd) => Buffer.from(`m,t=a f=1,g=2\n${lines.join(lineEnd)}\n`)),
    );
  const pieces = fc.constantFrom(...' ,=\\"\n\r\ttif1.-e#', 'm f=1', ',t=a', '="', '\u0001', 'é');
  const garbage = fc.oneof(
    fc.array(pieces, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''))),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    // One byte of good points is another.
    fc.tuple(fc.oneof(text, alike), fc.nat(), fc.nat(255)).map(([body, place, byte]) => {
      const spoiled = Buffer.from(body);
      spoiled[place % Math.max(1, body.length)] = byte;
      return spoiled;
    }),
  );

  it('are accepted, named and valued as the decoder does it, whatever the bytes (N1)', () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.oneof({ weight: 2, arbitrary: text }, { weight: 4, arbitrary: alike }, garbage),
        (body) => {
          accepted += expectTokensAsDecoded(body, 'line-protocol', lineProtocolTokenizer);
        },
      ),
      { numRuns: 2500 },
    );
    expect(accepted).toBeGreaterThan(300);
  });

  it('end with the row, whatever stands behind it', () => {
    const body = Buffer.from('m a=1,b=2 3\nm a=1,b=2 34,c=5\n');
    const tokenizer = lineProtocolTokenizer(body);
    const tokens = new Tokens();
    expect(tokenizer.tokenize(0, 11, tokens)).toBe(true);
    for (const [end, value] of [
      [20, 2],
      [21, 2],
      [22, 3n],
      [23, 34n],
    ] as const) {
      expect(tokenizer.tokenize(12, end + 1, tokens), String(end)).toBe(true);
      expect(tokenizer.value(tokens, tokens.count - 1)).toBe(value);
    }
    expect(tokenizer.tokenize(12, 25, tokens)).toBe(false);
  });

  it('see a name that occurs twice among any number of names', () => {
    const names = Array.from({ length: 300 }, (_, index) => `n${index}`);
    for (const count of [2, 32, 33, 300]) {
      const fields = names.slice(0, count).map((field) => `${field}=1`);
      const body = Buffer.from(
        [fields, [...fields, 'n0=2'], [...fields, 'measurement=1'], fields].map((all) => `m ${all}`).join('\n'),
      );
      expect(expectTokensAsDecoded(body, 'line-protocol', lineProtocolTokenizer)).toBe(2);
    }
  });

  it('are the same after points with other names, with fewer, and with none that is accepted', () => {
    const lines = [
      'm a=1,b=2 3',
      'm a=1',
      'm a=1,b=2,time=3',
      'm a=1,b=2,time=3 4',
      'm b=1,a=2',
      'm ab=1',
      'm a=1',
    ];
    const body = Buffer.from(lines.join('\n'));
    expect(expectTokensAsDecoded(body, 'line-protocol', lineProtocolTokenizer)).toBe(lines.length - 1);
  });

  it('tell kinds, with spans that hold the digits alone', () => {
    const body = Buffer.from('m\\,x,t=a s="b",e="\\"",i=-05i,u=7u,n=1.25,l=1234567890123456,d=.5,y=T,z=f  8 ');
    const tokens = new Tokens();
    expect(lineProtocolTokenizer(body).tokenize(0, body.length, tokens)).toBe(true);
    const kinds = Array.from({ length: tokens.count }, (_, index) => {
      const [, , kind, start, end] = tokens.data.subarray(index * TOKEN_STRIDE);
      const [word] = Object.entries(TOKEN).find(([, code]) => code === kind) ?? [];
      return [word, body.toString('utf8', start, end)];
    });
    expect(kinds).toEqual([
      ['escaped', 'm\\,x'],
      ['text', 'a'],
      ['text', 'b'],
      ['escaped', '\\"'],
      ['signed', '-05'],
      ['unsigned', '7'],
      ['number', '1.25'],
      ['float', '1234567890123456'],
      ['float', '.5'],
      ['true', 'T'],
      ['false', 'f'],
      ['time', '8'],
    ]);
  });

  it('know bad UTF-8 in one row of many from the good rows around it', () => {
    const rows = Array.from({ length: 6_000 }, (_, row) =>
      row % 1000 === 500 ? Buffer.from('m f="\xff"\n', 'latin1') : Buffer.from(`m f="é-${'x'.repeat(200)}"\n`),
    );
    expect(expectTokensAsDecoded(Buffer.concat(rows), 'line-protocol', lineProtocolTokenizer)).toBe(5_994);
  });
});
