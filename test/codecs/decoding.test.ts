import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, decodeRow } from '../../src/codecs/codecs.ts';
import { FORMATS } from '../../src/core/batch.ts';
import { InputError } from '../../src/core/errors.ts';
import { batchOf } from './batches.ts';

function faultOf(run: () => unknown): InputError {
  try {
    run();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('decoded');
}

const point = (line: string) => ({ ...(decodeRow(batchOf(line, 'line-protocol'), 0) as object) });

describe('json rows', () => {
  it('keep integers beyond 2^53 exact, in any depth, and leave other numbers alone', () => {
    const batch = batchOf(
      '{"id":9007199254740993,"n":[{"m":-12345678901234567890}],"f":1234567890123456.5,"ok":9007199254740991}',
      'ndjson',
    );
    expect(decodeRow(batch, 0)).toEqual({
      id: 9007199254740993n,
      n: [{ m: -12345678901234567890n }],
      f: 1234567890123456.5,
      ok: 9007199254740991,
    });
  });

  it('keep an integer exact from the first digit that a double may lose', () => {
    const batch = batchOf('9007199254740993\n-9007199254740993\n9007199254740991', 'ndjson');
    expect([0, 1, 2].map((row) => decodeRow(batch, row))).toEqual([
      9007199254740993n,
      -9007199254740993n,
      9007199254740991,
    ]);
  });

  it('keep a field named __proto__ as data and the prototype of objects untouched', () => {
    for (const digits of ['1', '12345678901234567890']) {
      const record = decodeRecord(batchOf(`{"__proto__":{"evil":${digits}},"a":1}`, 'ndjson'), 0);
      expect(Object.keys(record)).toEqual(['__proto__', 'a']);
      expect(Object.getPrototypeOf(record)).toBeNull();
    }
    expect('evil' in {}).toBe(false);
  });

  it('become { value } when they are no objects', () => {
    const batch = batchOf('[1, null, [2], "x"]', 'json');
    expect([0, 1, 2, 3].map((row) => decodeRecord(batch, row)['value'])).toEqual([1, null, [2], 'x']);
  });

  it('name row and byte offset when they fail, quote little, and fail alone', () => {
    const batch = batchOf(`{"a":1}\n{"a":${'x'.repeat(500)}\n{"a":3}\n`, 'ndjson');
    const fault = faultOf(() => decodeRow(batch, 1));
    expect([fault.code, fault.offset]).toEqual(['ROW_UNDECODABLE', 8]);
    expect(fault.message).toMatch(/^row 1 \(byte 8\): /);
    expect(fault.message.length).toBeLessThanOrEqual(110);
    expect(decodeRow(batch, 2)).toEqual({ a: 3 });
  });

  it('fail with ROW_NOT_UTF8 for bad bytes, and the rows around them decode', () => {
    const batch = batchOf(
      Buffer.concat([Buffer.from('{"a":"é"}\n{"a":"'), Buffer.from([0xe2, 0x82]), Buffer.from('"}\n{"a":2}')]),
      'ndjson',
    );
    expect(faultOf(() => decodeRow(batch, 1)).code).toBe('ROW_NOT_UTF8');
    expect(decodeRow(batch, 2)).toEqual({ a: 2 });
    expect(decodeRow(batch, 0)).toEqual({ a: 'é' });
  });

  it('fail as a row, not with an overflow, when hostile nesting meets the exact reader', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    const batch = batchOf(`{"id":12345678901234567890,"a":${deep}}\n1`, 'ndjson');
    expect(faultOf(() => decodeRow(batch, 0)).code).toBe('ROW_UNDECODABLE');
    expect(decodeRow(batch, 1)).toBe(1);
  });

  it('are the same in the real movies file as JSON.parse gives', () => {
    const body = readFileSync('node_modules/vega-datasets-v1/data/movies.json');
    const batch = batchOf(body, 'json');
    expect(batch.rowCount).toBe(3201);
    expect(Array.from({ length: 3201 }, (_, row) => decodeRow(batch, row))).toEqual(
      JSON.parse(body.toString()),
    );
  });
});

describe('csv rows', () => {
  it('decode by header; a bare empty cell is null and a quoted one is empty text', () => {
    const record = decodeRecord(batchOf('a,"b ""x""",c,__proto__\n,"",007,p\n', 'csv'), 0);
    expect(Object.entries(record)).toEqual([
      ['a', null],
      ['b "x"', ''],
      ['c', '007'],
      ['__proto__', 'p'],
    ]);
  });

  it.each([[','], [';'], ['\t'], ['|']])('find the delimiter %j in the header', (delimiter) => {
    const body = ['"x,;|y",b,c'.replace(/,(?=[bc])/g, delimiter), ['1', '2', '3'].join(delimiter)].join('\n');
    expect({ ...decodeRecord(batchOf(body, 'csv'), 0) }).toEqual({ 'x,;|y': '1', b: '2', c: '3' });
  });

  it('fail alone with too many or too few cells or text after a closing quote', () => {
    const batch = batchOf('a,b\n1\n1,2,3\n1,"2"x\n1,2\n', 'csv');
    expect([0, 1, 2].map((row) => faultOf(() => decodeRow(batch, row)).code)).toEqual(
      Array(3).fill('ROW_UNDECODABLE'),
    );
    expect({ ...decodeRecord(batch, 3) }).toEqual({ a: '1', b: '2' });
  });

  it('fail when the header names a column twice, for one value would be lost', () => {
    expect(faultOf(() => decodeRow(batchOf('a,a\n1,2', 'csv'), 0)).message).toContain('"a" twice');
  });

  it('survive a round trip through quoting', () => {
    const cell = fc.option(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é') }), {
      nil: null,
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
        const quote = (value: string | null) => (value === null ? '' : `"${value.replaceAll('"', '""')}"`);
        const batch = batchOf(`a,b\n${rows.map((row) => row.map(quote).join(',')).join('\n')}`, 'csv');
        expect(rows.map((_, row) => Object.values(decodeRecord(batch, row)))).toEqual(rows);
      }),
    );
  });
});

describe('line protocol rows', () => {
  it('decode to measurement, tags, fields and time with exact types', () => {
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

  it('have no time when the point has none', () => {
    expect(point('m f=1')).toEqual({ measurement: 'm', f: 1 });
  });

  it.each([
    'm',
    'm f',
    'm f=',
    'm,t f=1',
    'm f=1e400',
    'm f=0x10',
    'm f=NaN',
    'm f=9223372036854775808i',
    'm f=1 2.5',
    'm f="x',
    'm f=1,f=2',
    'm,f=1 f=2',
    'm f="a"b',
  ])('refuse %j', (line) => {
    expect(faultOf(() => point(line)).code).toBe('ROW_UNDECODABLE');
  });
});

describe('every format', () => {
  it('decodes or throws InputError for any bytes, never anything else', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.constantFrom(...FORMATS),
        (body, format) => {
          const batch = batchOf(body, format);
          for (let row = 0; row < batch.rowCount; row += 1) {
            try {
              decodeRecord(batch, row);
            } catch (error) {
              expect(error).toBeInstanceOf(InputError);
            }
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('gives opaque bytes untouched', () => {
    expect(decodeRow(batchOf(Buffer.from([1, 2]), 'opaque'), 0)).toEqual({ value: Buffer.from([1, 2]) });
  });
});
