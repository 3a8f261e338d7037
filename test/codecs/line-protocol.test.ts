import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { decodeRow } from '../../src/codecs/codecs.ts';
import { batchOf, faultOf, rowsOf } from './batches.ts';

const point = (line: string | Uint8Array) => ({
  ...(decodeRow(batchOf(line, 'line-protocol'), 0) as Record<string, unknown>),
});
const value = (spelled: string) => point(`m f=${spelled}`)['f'];
const reasonOf = (line: string | Uint8Array) => faultOf(() => point(line)).message;

describe('a point', () => {
  it('has measurement, tags, fields and time with exact types', () => {
    expect(
      point('cpu,host=a\\ b,r=x\\,y u=1i,v=2u,w=1.5,s="q\\"\\\\",t=T,f=false 1700000000000000001'),
    ).toEqual({
      measurement: 'cpu',
      host: 'a b',
      r: 'x,y',
      u: 1n,
      v: 2n,
      w: 1.5,
      s: 'q"\\',
      t: true,
      f: false,
      time: 1700000000000000001n,
    });
  });

  it('has no time when none is given, also behind spaces', () => {
    expect(point('m f=1')).toEqual({ measurement: 'm', f: 1 });
    expect(point('m f=1   ')).toEqual({ measurement: 'm', f: 1 });
  });

  it('has as many spaces as it likes before it and between its sections', () => {
    expect(point('   m,t=a    f=1     7   ')).toEqual({ measurement: 'm', t: 'a', f: 1, time: 7n });
  });

  it('keeps letters of any script', () => {
    expect(point('température,città=東京 größe=1,текст="🚀" 1')).toEqual({
      measurement: 'température',
      città: '東京',
      größe: 1,
      текст: '🚀',
      time: 1n,
    });
  });

  it('takes quotes outside of string values for letters', () => {
    expect(point('"cpu","host"="server A'.replace(' ', '\\ ').concat('" "v"=1'))).toEqual({
      measurement: '"cpu"',
      '"host"': '"server A"',
      '"v"': 1,
    });
  });

  it('keeps names that mean something to JavaScript as data', () => {
    const record = decodeRow(batchOf('m,__proto__=a constructor=1', 'line-protocol') as never, 0) as object;
    expect(Object.entries(record)).toEqual([
      ['measurement', 'm'],
      ['__proto__', 'a'],
      ['constructor', 1],
    ]);
  });
});

describe('a backslash', () => {
  it.each([
    ['comma\\,1 f=1', { measurement: 'comma,1' }],
    ['space\\ 1 f=1', { measurement: 'space 1' }],
    ['equals=1 f=1', { measurement: 'equals=1' }],
    ['equals\\=1 f=1', { measurement: 'equals\\=1' }],
    ['back\\slash f=1', { measurement: 'back\\slash' }],
    ['two\\\\,1 f=1', { measurement: 'two\\,1' }],
  ])('in the measurement of %j', (line, expected) => {
    expect(point(line)).toEqual({ ...expected, f: 1 });
  });

  it.each([
    ['a\\,b', 'a,b'],
    ['a\\ b', 'a b'],
    ['a\\=b', 'a=b'],
    ['\\ ', ' '],
    ['a\\\\ b', 'a\\ b'],
    ['a\\\\\\ b', 'a\\\\ b'],
    ['a\\\\=b', 'a\\=b'],
    ['\\\\,\\,\\=b', '\\,,=b'],
    ['a\\tb', 'a\\tb'],
    ['\\a', '\\a'],
    ['C:\\dir', 'C:\\dir'],
    ['\\"x', '\\"x'],
  ])('in the name or value %j', (spelled, meant) => {
    expect(point(`m,${spelled}=v f=1`)).toEqual({ measurement: 'm', [meant]: 'v', f: 1 });
    expect(point(`m,t=${spelled} f=1`)).toEqual({ measurement: 'm', t: meant, f: 1 });
    expect(point(`m ${spelled}=1`)).toEqual({ measurement: 'm', [meant]: 1 });
  });

  it('at the end of a tag value takes the space to it, so that there are no fields', () => {
    expect(reasonOf('m,t=a\\ f=1')).toContain('equals sign');
    expect(reasonOf('m,t=a\\ f')).toContain('no fields');
    expect(reasonOf('m,t=a\\')).toContain('no fields');
  });

  it('in a string escapes the quote and itself and nothing else', () => {
    expect(value('"a\\"b"')).toBe('a"b');
    expect(value('"a\\\\"')).toBe('a\\');
    expect(value('"a\\\\\\"b"')).toBe('a\\"b');
    expect(value('"\\n\\t\\, \\= \\x"')).toBe('\\n\\t\\, \\= \\x');
  });
});

describe('a value', () => {
  it.each([
    ['1', 1],
    ['-1', -1],
    ['1.', 1],
    ['.5', 0.5],
    ['-.5', -0.5],
    ['1.5', 1.5],
    ['007', 7],
    ['1e4', 1e4],
    ['1E4', 1e4],
    ['1.e5', 1e5],
    ['-1.0e-4', -1e-4],
    ['6.632243e+06', 6632243],
    ['-0', -0],
    ['1e-400', 0],
    ['12345678901234567890', Number('12345678901234567890')],
    [`0000${'9'.repeat(308)}`, Number('9'.repeat(308))],
    ['0i', 0n],
    ['-0i', 0n],
    ['9223372036854775807i', 9223372036854775807n],
    ['-9223372036854775808i', -9223372036854775808n],
    ['-0009223372036854775808i', -9223372036854775808n],
    ['18446744073709551615u', 18446744073709551615n],
    ['00018446744073709551615u', 18446744073709551615n],
    ['0000u', 0n],
    ['""', ''],
    ['"a,b c=d"', 'a,b c=d'],
    ['"# no comment"', '# no comment'],
  ])('%s is exact', (spelled, expected) => {
    expect(value(spelled)).toBe(expected);
  });

  it.each(['t', 'T', 'true', 'True', 'TRUE'])('%s is true', (spelled) => {
    expect(value(spelled)).toBe(true);
  });

  it.each(['f', 'F', 'false', 'False', 'FALSE'])('%s is false', (spelled) => {
    expect(value(spelled)).toBe(false);
  });

  it.each([
    ...['', 'a', 'NaN', 'nan', 'Inf', '-Inf', 'Infinity', 'null', 'tRUE', 'truE', 'tr', 'trueish', 'FALSe'],
    ...['-', '-.', '.', '+1', '+1i', '--1', '1-', '1a', '1.1.1', '0.-1', '42+3', '1e', '1e+', '-e-e-e', '.e5'],
    ...['0x10', '1_000', '1,5', '1ii', '1.0i', '9e10i', '9ie10', '-i', '-123u', '--1u', '1.5u', 'i', 'u', 'e5'],
    ...['1e400', '-1e400', '9'.repeat(400), '9223372036854775808i', '-9223372036854775809i'],
    ...['18446744073709551616u', '18446744073709551615999u', `${'9'.repeat(100_000)}i`, '١i', '½'],
    ...['"x', '"x\\"', '"x"y', '"x""', '"x"=1', "'x'"],
  ])('%j is refused', (spelled) => {
    expect(faultOf(() => value(spelled)).code).toBe('ROW_UNDECODABLE');
  });

  it('takes time in proportion to the length of a hostile number', () => {
    for (const tail of ['x', '.x', 'e', '.1e400x']) {
      expect(faultOf(() => value(`${'1'.repeat(2_000_000)}${tail}`)).code).toBe('ROW_UNDECODABLE');
    }
  });
});

describe('a timestamp', () => {
  it.each([
    ['0', 0n],
    ['-1', -1n],
    ['1700000000', 1700000000n],
    ['0000000000000000000000012', 12n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
  ])('%s is an exact integer', (spelled, expected) => {
    expect(point(`m f=1 ${spelled}`)['time']).toBe(expected);
  });

  it.each([
    ...['-', '1-', '-1?', '-/', '1.5', '1e9', '12i', '0\\', '1 2', '1,2', ',', 'f=2', '9223372036854775808'],
    ...['-9223372036854775809', '1700000000000000000\u00a0', '+1', '2026-01-01T00:00:00Z'],
  ])('%j is refused', (spelled) => {
    expect(faultOf(() => point(`m f=1 ${spelled}`)).code).toBe('ROW_UNDECODABLE');
  });
});

describe('a bad point', () => {
  it.each([
    ['m', 'no fields'],
    ['m ', 'a field name is empty'],
    ['m,t=a', 'no fields'],
    ['m,', 'a tag name is empty'],
    ['m, f=1', 'a tag name is empty'],
    ['m,,t=a f=1', 'a tag name is empty'],
    ['m,=a f=1', 'a tag name is empty'],
    ['m,t=a,=b f=1', 'a tag name is empty'],
    ['m,t=a, f=1', 'a tag name is empty'],
    [',t=a f=1', 'the measurement is empty'],
    ['m,t f=1', '"t" has no value'],
    ['m,t,u=a f=1', '"t" has no value'],
    ['m,t= f=1', 'the value of tag t is empty'],
    ['m,t=,u=a f=1', 'the value of tag t is empty'],
    ['m,t=a=b f=1', 'equals sign'],
    ['m,t== f=1', 'the value of tag t is empty'],
    ['m =1', 'a field name is empty'],
    ['m f=1,=2', 'a field name is empty'],
    ['m f=1,', 'a field name is empty'],
    ['m f=1, g=2', 'a field name is empty'],
    ['m f', '"f" has no value'],
    ['m f=1,g', '"g" has no value'],
    ['m f g=1', '"f" has no value'],
    ['m f= 5', 'no field value'],
    ['m f=,g=1', 'no field value'],
    ['m 1434055562000000000i', 'has no value'],
    ['=', 'no fields'],
    ['m\u00a0f=1', 'no fields'],
    ['m f="x', 'never closed'],
    ['m f=1,f=2', '"f" occurs twice'],
    ['m,t=a,t=b f=1', '"t" occurs twice'],
    ['m,f=a f=1', '"f" occurs twice'],
    ['m,measurement=a f=1', '"measurement" occurs twice'],
    ['m time=1 5', '"time" occurs twice'],
  ])('%j says why', (line, reason) => {
    expect(reasonOf(line)).toContain(reason);
  });

  it.each(['\t', '\v', '\f', '\0', '\u0001', '\u001f', '\u007f', '\r'])(
    'holds the control character %j outside of a string',
    (control) => {
      const lines = [`m${control}m f=1`, `m,t${control}=a f=1`, `m,t=a${control}b f=1`, `m f${control}g=1`];
      for (const line of [...lines, `m ${control}f=1`, `m f=1 ${control}5`, `m f=1${control} 5`]) {
        expect(faultOf(() => point(line)).code).toBe('ROW_UNDECODABLE');
      }
      expect(point(`m f="a${control}b"`)['f']).toBe(`a${control}b`);
    },
  );

  it.each(['m\xff f=1', 'm,t\xff=a f=1', 'm,t=a\xff f=1', 'm f\xff=1', 'm f="\xff"', 'm f="\xed\xa0\x80"'])(
    'is not UTF-8: %j',
    (latin) => {
      expect(faultOf(() => point(Buffer.from(latin, 'latin1'))).code).toBe('ROW_NOT_UTF8');
    },
  );

  it('has a measurement with tags, or the name of a field, over 65,535 bytes', () => {
    expect(point(`${'m'.repeat(65_535)} f=1`)['f']).toBe(1);
    expect(point(`m ${'f'.repeat(65_535)}=1`)['measurement']).toBe('m');
    expect(reasonOf(`${'m'.repeat(65_536)} f=1`)).toContain('65535 bytes');
    expect(reasonOf(`m,t=${'é'.repeat(32_766)} f=1`)).toContain('65535 bytes');
    expect(reasonOf(`m ${'é'.repeat(32_768)}=1`)).toContain('65535 bytes');
  });

  it('fails alone, with its row and byte', () => {
    const batch = batchOf('m f=1\nm f=x\nm f=3', 'line-protocol');
    const fault = faultOf(() => decodeRow(batch, 1));
    expect([fault.offset, fault.message]).toEqual([6, 'row 1 (byte 6): "x" is no field value']);
    expect(decodeRow(batch, 2)).toMatchObject({ f: 3 });
  });
});

describe('framing', () => {
  it('takes points as rows, not comments and blank lines, with LF or CRLF', () => {
    expect(rowsOf('# c\nm f=1\n\n  # d "\nm f=2 5\r\n \t \r\n\r\nm f=3', 'line-protocol')).toEqual([
      'm f=1',
      'm f=2 5',
      'm f=3',
    ]);
  });

  it('lets a string value hold newlines, escaped quotes, hashes and equals signs', () => {
    const points = ['m f="a\n# \\"b\n",g=1 5', 'm,t=a"b f=2', 'm f="=",g="\n=\\\\"', 'm f="x\r\ny"'];
    expect(rowsOf(points.join('\n'), 'line-protocol')).toEqual(points);
  });

  it.each(['m k"=1', 'm a\\="=1', 'm,t="a f=1', '"m f=1', 'm f=1 5"', 'm f=1 g="', 'm,t=a\\ b="c f=1'])(
    'takes no quote of %j for the start of a string',
    (line) => {
      expect(rowsOf(`${line}\nm f=2`, 'line-protocol')).toEqual([line, 'm f=2']);
    },
  );

  it('sees a string behind an escaped space, and none behind two backslashes and a space', () => {
    expect(rowsOf('m a\\ b="x\ny"\nm f=2', 'line-protocol')).toEqual(['m a\\ b="x\ny"', 'm f=2']);
    expect(rowsOf('m,t=a\\\\ b="x\ny" f=1', 'line-protocol')).toEqual(['m,t=a\\\\ b="x', 'y" f=1']);
  });

  it.each(['m,t=a" f="x\ny"', 'm f="a\\" b\nc"', 'm f="=",g="\n"', 'm a"=1,f="x\n"', 'm f="",g="\n"'])(
    'sees that a string of %j goes on behind the newline, whatever quotes are before it',
    (line) => {
      expect(rowsOf(`${line}\nm f=2`, 'line-protocol')).toEqual([line, 'm f=2']);
    },
  );

  it('gives the rest of the body to a string that is never closed', () => {
    expect(rowsOf('m f=1\nm f="x\nm f=2\n', 'line-protocol')).toEqual(['m f=1', 'm f="x\nm f=2\n']);
  });
});
