import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, decodeRow } from '../../src/codecs/codecs.ts';
import { FORMATS } from '../../src/core/batch.ts';
import { InputError } from '../../src/core/errors.ts';
import { batchOf, faultOf } from './batches.ts';

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

  it('are the same in the real movies file as JSON.parse gives', () => {
    const body = readFileSync('node_modules/vega-datasets-v1/data/movies.json');
    const batch = batchOf(body, 'json');
    expect(batch.rowCount).toBe(3201);
    expect(Array.from({ length: 3201 }, (_, row) => decodeRow(batch, row))).toEqual(
      JSON.parse(body.toString()),
    );
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
