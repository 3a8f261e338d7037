/**
 * What JSON is and what it is not, by the cases that readers of JSON are known to get wrong. Each is held in every way that
 * a record goes: decoded, by tokens, by generated code, and coerced. `JSON.parse` is the judge.
 */
import { describe, expect, it } from 'vitest';
import { decodeRow } from '../../src/codecs/codecs.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { fromJsonSchema } from '../../src/schema/declare/from-json-schema.ts';
import { batchOf, rowsOf } from './batches.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Values as they may stand in a record; what is no text is given by its bytes. */
const VALID: readonly string[] = [
  '[]',
  '[[]   ]',
  '[""]',
  '[null, 1, "1", {}]',
  '[1\t,\r2]',
  '123e65',
  '0e+1',
  '0e1',
  '-0',
  '-0.0',
  '-123',
  '20e1',
  '123.456e78',
  '1E-2',
  '1E+2',
  '0.000000000000000000000000000000000000000000000000000000000000000000000000000001',
  '-9223372036854775808',
  '18446744073709551616',
  '-123123123123123123123123123123',
  '{}',
  '{"":0}',
  '{"a":"b","a":"c"}',
  '{"a\\u0000b":42}',
  '{"__proto__":{"constructor":1}}',
  '"\\u0060\\u012a\\u12AB"',
  '"\\uD801\\udc37"',
  '"\\ud83d\\ude39\\ud83d\\udc8d"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '"\\\\u0000"',
  '"a/*b*/c/*d//e"',
  '"\\uFFFF\\uDBFF\\uDFFE"',
  '"\u2028\u2029\u007f"',
  '"€𝄞\u{10ffff}"',
  '"asd "',
  'true',
  'null',
  '   "space"   ',
];

const INVALID: readonly (string | Uint8Array)[] = [
  ...['', '-', '+1', '++1', '-01', '012', '1.', '-2.', '.5', '-.5', '1.e1', '0e', '0e+', '1eE2', '0e+-1'],
  ...['0x1', '0x42', 'NaN', '-NaN', 'Infinity', '-Infinity', 'Inf', '1 000', '1+2', '- 1', '-1x', '1ea', '１'],
  ...['1.2a-3', '0.1.2', '2@', 'tru', 'fals', 'nul', 'True', 'TRUE', 'nulll', 'truth', 'undefined', '*', 'å'],
  ...['[', ']', '[1', '[1,', '[1,]', '[,1]', '[1,,2]', '[1 2]', '[""]]', '["": 1]', '[1:2]', '[,]', '["x",,]'],
  ...['[\f]', '[\u2060]', '[\u00a0]', '[1]x', '[3[4]]', '[*]', '["a', "['a']", '["\\"]', '[\u0000]', '<null>'],
  ...['{', '}', '{}}', '{]', '{,', '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{"a":1,,"b":2}', '{"a" "b"}'],
  ...[
    '{"a"::1}',
    '{"a",1}',
    '{:1}',
    '{1:1}',
    '{a:1}',
    "{'a':0}",
    '{null:1}',
    '{"a":1 2}',
    '{[: "x"}',
    '{"a"b}',
  ],
  ...['{"a":/*c*/1}', '{"a":1}/**/', '{"a":1}//', '{"a":1}#', '{"a":1}{}'],
  ...['"', '"a', "'a'", '"\\x00"', '"\\a"', '"\\u"', '"\\u00A"', '"\\uqqqq"', '"\\', '"\\"', '""x', '"\\🌀"'],
  ...['"\t"', '"\u0000"', '"\u001f"', '"\\\u0000"', '"\\\t"', '"\\u{61}"', '"\\UA66D"', '\\u0020"a"', 'abc'],
  Uint8Array.of(0x22, 0xff, 0x22),
  // A continuation alone, one that is missing, and bytes that UTF-8 never has.
  Uint8Array.of(0x22, 0x81, 0x22),
  Uint8Array.of(0x22, 0xe0, 0xff, 0x22),
  Uint8Array.of(0x22, 0xc3, 0x22),
  // Longer than needed: a slash, and NUL in six bytes.
  Uint8Array.of(0x22, 0xc0, 0xaf, 0x22),
  Uint8Array.of(0x22, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x80, 0x22),
  // A surrogate, and what is above U+10FFFF.
  Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22),
  Uint8Array.of(0x22, 0xf4, 0xbf, 0xbf, 0xbf, 0x22),
  Uint8Array.of(0x31, 0xe5),
  Uint8Array.of(0x22, 0x5c, 0xe5, 0x22),
  Uint8Array.of(0x7b, 0x22, 0xb9, 0x22, 0x3a, 0x30, 0x7d),
  Uint8Array.of(0xff, 0xfe, 0x31, 0x00),
];

const GOOD = '{"v":[1],"k":"x"}\n';
/** After so many rows of one layout, code is generated for it. */
const ROWS_BEFORE = 8;

function recordOf(value: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('{"v":'), Buffer.from(value), Buffer.from(',"k":"x"}')]);
}

function bodyOf(value: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(GOOD.repeat(ROWS_BEFORE)), recordOf(value), Buffer.from(`\n${GOOD}`)]);
}

const schema = fromJsonSchema({
  type: 'object',
  properties: { v: true, k: { type: 'string' } },
  required: ['v', 'k'],
});
const WAYS = [true, false].map((codeGeneration) => compileSchema(schema, { codeGeneration }));

const show = (value: string | Uint8Array): string =>
  typeof value === 'string' ? JSON.stringify(value) : Buffer.from(value).toString('hex');

/** With integers as text, where a double would hide that they are not exact. */
function spelled(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

describe('a JSON value in a record', () => {
  it.each(VALID.map((value) => [show(value), value] as const))('%s is read', (_, value) => {
    expect(JSON.parse(recordOf(value).toString())).toBeDefined();
    const batch = batchOf(bodyOf(value), 'ndjson');
    const { v } = decodeRow(batch, ROWS_BEFORE) as { v: unknown };
    const isLong = /^-?\d{16,}$/.test(value);
    expect(spelled(v)).toEqual(isLong ? value : JSON.parse(value));
    for (const way of WAYS) {
      const { columns, residue } = way.check(batch, 'all');
      expect(residue).toEqual([]);
      const cell = columns.vectors[0]?.at(ROWS_BEFORE);
      if (value === 'null') expect(cell).toBeNull();
      else expect(JSON.parse(String(cell))).toEqual(JSON.parse(value));
      if (isLong) expect(cell).toBe(value);
    }
  });

  it.each(INVALID.map((value) => [show(value), value] as const))(
    '%s is one bad record, told with its place, between good ones',
    async (_, value) => {
      const record = recordOf(value);
      expect(() => JSON.parse(utf8.decode(record))).toThrow();
      const batch = batchOf(bodyOf(value), 'ndjson');
      const offset = GOOD.length * ROWS_BEFORE;
      expect(() => decodeRow(batch, ROWS_BEFORE)).toThrow(`row ${ROWS_BEFORE} (byte ${offset}): `);
      for (const way of WAYS) {
        const checked = way.check(batch, 'all');
        const coerced = await way.coerce(batch, 'all');
        for (const { residue, columns } of [checked, coerced]) {
          expect(residue).toMatchObject([{ rows: [ROWS_BEFORE], reason: 'undecodable' }]);
          expect(residue[0]?.detail).toContain(`(byte ${offset})`);
          expect(columns.rows).toHaveLength(ROWS_BEFORE + 1);
        }
      }
    },
  );

  it('that no column can hold exactly is a mismatch, never rounded or replaced', () => {
    for (const value of ['1e9999', '-1e+9999', '"\\uD800"', '["\\uDd1e\\uD834"]']) {
      const batch = batchOf(bodyOf(value), 'ndjson');
      for (const way of WAYS) {
        const { residue } = way.check(batch, 'all');
        expect(residue, value).toMatchObject([{ rows: [ROWS_BEFORE], detail: 'v: format 1x' }]);
      }
    }
  });

  it.each([900, 20_000])(
    'nested %i levels deep around a long integer harms no other record',
    async (levels) => {
      for (const [open, close] of [['[', ']'] as const, ['{"a":', '}'] as const]) {
        const value = `${open.repeat(levels)}12345678901234567890${close.repeat(levels)}`;
        const batch = batchOf(bodyOf(value), 'ndjson');
        for (const way of WAYS) {
          const { columns, residue } = await way.coerce(batch, 'all');
          const isTold = residue.every(({ rows }) => rows.length === 1 && rows[0] === ROWS_BEFORE);
          expect([isTold, columns.rows.length >= ROWS_BEFORE + 1]).toEqual([true, true]);
        }
        if (levels > 1000) {
          expect(() => decodeRow(batch, ROWS_BEFORE)).toThrow('nested deeper than 1000 levels');
          continue;
        }
        let inner = (decodeRow(batch, ROWS_BEFORE) as { v: unknown }).v;
        for (let level = 0; level < levels; level += 1) inner = Object.values(inner as object)[0];
        expect(inner).toBe(12345678901234567890n);
      }
    },
  );
});

describe('a JSON body', () => {
  it.each(INVALID.filter((value) => !isSliceOrSequence(value)).map((value) => [show(value), value] as const))(
    '%s has a row that does not decode',
    (_, value) => {
      const batch = batchOf(Buffer.from(value), 'json');
      const rows = Array.from({ length: batch.rowCount }, (__, row) => row);
      const good = rows.filter((row) => {
        try {
          decodeRow(batch, row);
          return true;
        } catch {
          return false;
        }
      });
      expect(good.length).toBeLessThan(rows.length);
    },
  );

  it('that was cut between two elements, or is values one after the other, is what it holds', () => {
    expect(rowsOf('[1,2', 'json')).toEqual(['1', '2']);
    expect(rowsOf('2]', 'json')).toEqual(['2']);
    expect(rowsOf('[1 2][3[4]]', 'json')).toEqual(['1', '2', '3', '[4]']);
  });
});

/** What is no JSON text by itself, and yet the values of a slice of an array or of a sequence. */
function isSliceOrSequence(value: string | Uint8Array): boolean {
  const sequences: readonly (string | Uint8Array)[] = [
    '',
    ']',
    '[1',
    '[1,',
    '[1 2]',
    '[3[4]]',
    '1 000',
    '{"a":1}{}',
  ];
  return sequences.includes(value);
}
