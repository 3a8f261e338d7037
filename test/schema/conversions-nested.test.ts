import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ArrowTimeUnit,
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  type Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  Map_,
  Struct,
  Timestamp,
  Utf8,
} from '../../src/schema/arrow.ts';
import { coerceValue, isCell, Refusal } from '../../src/schema/coerce-value.ts';
import { isExplained } from '../../src/schema/explain.ts';
import { planField } from '../../src/schema/field-plan.ts';
import { parseJsonText } from '../../src/schema/json-text.ts';
import { type Dialect, Fault } from '../../src/schema/reader.ts';
import { batchOf, compiled, field, valuesOf } from './schemas.ts';

const list = (item: Field) => new List(item);
const struct = (...children: Field[]) => new Struct(children);

const meta = field(
  'meta',
  struct(
    field('fw', new Utf8(), {}, false),
    field('rssi', new Int32(), { precision: '0.5', aliases: '["signal"]' }),
    field('tags', list(field('item', new Utf8())), { optional: 'true' }),
    field('at', new Timestamp(ArrowTimeUnit.MILLISECOND, 'UTC'), { optional: 'true', essential: 'false' }),
    field('gps', struct(field('lat', new Float64()), field('lon', new Float64())), { optional: 'true' }),
  ),
);
const plan = planField(meta);

function take(target: Field, value: unknown, dialect: Dialect = 'typed') {
  const fieldPlan = planField(target);
  const result = coerceValue(fieldPlan, value, dialect);
  if (result instanceof Refusal) return { refused: `${result.field} ${result.kind}` };
  if (isCell(result)) return { cell: result };
  const { cell, kind, parts } = result;
  return { cell, kind, ...(parts ? { parts: parts.map((part) => `${part.path} ${part.kind}`) } : {}) };
}

describe('a nested value that conforms', () => {
  it.each([
    '{"fw":"1","rssi":-5}',
    '{"rssi":null,"fw":"1"}',
    '{"fw":"1","rssi":-5,"tags":[],"gps":null}',
    '{"fw":"1","rssi":-5,"tags":["a",null],"gps":{"lat":1.50,"lon":-0}}',
    '{"fw":"1","rssi":1,"at":"2024-02-29T10:00:00+02:00"}',
  ])('%s keeps its own order and spelling', (text) => {
    const cell = JSON.stringify(parseJsonText(text)).replace('"lon":0', '"lon":-0');
    expect(take(meta, parseJsonText(text))).toEqual({ cell });
    expect(take(meta, text, 'text')).toEqual({ cell: text });
  });
});

describe('a nested value that a rule takes', () => {
  it.each<[string, string, string[]]>([
    ['{"fw":"1"}', '{"fw":"1","rssi":null}', ['.rssi missing']],
    ['{"fw":"1","rssi":"7"}', '{"fw":"1","rssi":7}', ['.rssi number-from-text']],
    ['{"FW":"1","signal":7}', '{"fw":"1","rssi":7}', ['.fw renamed', '.rssi renamed']],
    ['{"fw":1,"signal":7.4}', '{"fw":"1","rssi":7}', ['.fw text-from-number', '.rssi rounded']],
    ['{"x":{"y":1},"fw":"1","rssi":1}', '{"fw":"1","rssi":1}', ['.x stripped']],
    [
      '{"fw":"1","rssi":1,"tags":[1,"a",true]}',
      '{"fw":"1","rssi":1,"tags":["1","a","true"]}',
      ['.tags[] text-from-number', '.tags[] text-from-bool'],
    ],
    ['{"fw":"1","rssi":1,"tags":"a"}', '{"fw":"1","rssi":1,"tags":["a"]}', ['.tags array-from-scalar']],
    [
      '{"fw":"1","rssi":1,"at":1700000000}',
      '{"fw":"1","rssi":1,"at":"2023-11-14T22:13:20.000Z"}',
      ['.at time-from-number'],
    ],
    ['{"fw":"1","rssi":1,"at":"soon"}', '{"fw":"1","rssi":1,"at":null}', ['.at nulled']],
    [
      '{"fw":"1","rssi":1,"gps":"{\\"lat\\":1,\\"lon\\":\\"2\\"}"}',
      '{"fw":"1","rssi":1,"gps":{"lat":1,"lon":2}}',
      ['.gps json-from-text', '.gps.lon number-from-text'],
    ],
    [
      '{"fw":"1","rssi":1,"GPS":{"lat":1,"lon":"2"}}',
      '{"fw":"1","rssi":1,"gps":{"lat":1,"lon":2}}',
      ['.gps.lon number-from-text'],
    ],
    [
      '{"fw":"1","rssi":1,"GPS":{"lat":1,"lon":2}}',
      '{"fw":"1","rssi":1,"gps":{"lat":1,"lon":2}}',
      ['.gps renamed'],
    ],
    ['{"__proto__":1,"fw":"1","rssi":1}', '{"fw":"1","rssi":1}', ['.__proto__ stripped']],
  ])('%s', (text, cell, parts) => {
    expect(take(meta, parseJsonText(text))).toEqual({ cell, kind: 'nested', parts });
  });

  it('comes out of a text that holds it, with what changed inside', () => {
    expect(take(meta, ' {"fw":"1","rssi":1}')).toEqual({ cell: '{"fw":"1","rssi":1}', kind: 'json-from-text' });
    expect(take(meta, '{"fw":"1"}')).toEqual({
      cell: '{"fw":"1","rssi":null}',
      kind: 'nested',
      parts: [' json-from-text', '.rssi missing'],
    });
    expect(take(meta, '{"fw":"1"}', 'text')).toEqual({
      cell: '{"fw":"1","rssi":null}',
      kind: 'nested',
      parts: ['.rssi missing'],
    });
  });

  it('is a list of one where a scalar conforms as its element', () => {
    const numbers = field('n', list(field('item', new Int32())));
    expect(take(numbers, 5)).toEqual({ cell: '[5]', kind: 'array-from-scalar' });
    expect(take(numbers, '5')).toEqual({ refused: 'n type' });
    expect(take(field('n', list(field('item', new Utf8()))), 'a')).toEqual({
      cell: '["a"]',
      kind: 'array-from-scalar',
    });
    expect(take(field('n', list(meta)), { fw: '1', rssi: 1 })).toMatchObject({ kind: 'array-from-scalar' });
  });
});

describe('a nested value that no rule takes', () => {
  it.each<[string, string]>([
    ['5', 'meta type'],
    ['[]', 'meta type'],
    ['"x"', 'meta type'],
    ['"[1]"', 'meta type'],
    ['{"rssi":1}', 'meta.fw missing'],
    ['{"fw":null,"rssi":1}', 'meta.fw null'],
    ['{"fw":1,"rssi":"x"}', 'meta.rssi type'],
    ['{"fw":"1","rssi":3000000000}', 'meta.rssi range'],
    ['{"fw":"1","rssi":1,"tags":["a","\\ud800"]}', 'meta.tags[] format'],
    ['{"fw":"1","rssi":1,"gps":{"lat":"north","lon":1}}', 'meta.gps.lat type'],
  ])('%s is refused where it fails: %s', (text, refused) => {
    expect(take(meta, parseJsonText(text))).toEqual({ refused });
  });

  it('lacks what an object only inherits', () => {
    const named = field('o', struct(field('constructor', new Utf8()), field('__proto__', new Utf8())));
    expect(take(named, {})).toMatchObject({ parts: ['.constructor missing', '.__proto__ missing'] });
    const optional = struct(field('constructor', new Utf8(), { optional: 'true' }));
    expect(take(field('o', optional), {})).toEqual({ cell: '{}' });
    expect(take(named, parseJsonText('{"constructor":"a","__proto__":"b"}'))).toEqual({
      cell: '{"constructor":"a","__proto__":"b"}',
    });
  });

  it('says where it does not conform when it is only checked', async () => {
    const fault = (text: string) => {
      const read = plan.reader.read(parseJsonText(text), 'typed');
      return read instanceof Fault ? `${read.path} ${read.kind}` : 'none';
    };
    expect(fault('{"fw":"1","rssi":1,"x":1}')).toBe('.x unknown');
    expect(fault('{"fw":"1","rssi":1,"tags":[1]}')).toBe('.tags[] type');
    expect(fault('{"fw":"1","rssi":1,"gps":{"lat":1}}')).toBe('.gps.lon missing');
  });

  it('takes as many elements as a list of fixed size has', () => {
    const pair = field('p', new FixedSizeList(2, field('item', new Int32())));
    expect(take(pair, [1, 2])).toEqual({ cell: '[1,2]' });
    expect(take(pair, [1, '2'])).toMatchObject({ cell: '[1,2]', kind: 'nested' });
    expect(take(pair, [1])).toEqual({ refused: 'p range' });
  });

  it('survives nesting of any depth in the data', async () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const schema = compiled([
      field('a', list(field('item', new Utf8(), { json: 'true' }))),
      field('b', new Int32()),
    ]);
    const { residue } = await schema.coerce(batchOf(`{"a":${deep},"b":1}`), 'all');
    expect(residue).toMatchObject([{ rows: [0] }]);
  });
});

describe('types of columns', () => {
  it('nest to 32 levels and no deeper', () => {
    const nestedIn = (depth: number): DataType =>
      depth === 0 ? new Int32() : list(field('item', nestedIn(depth - 1)));
    expect(planField(field('v', nestedIn(32))).column.type).toBe('json');
    expect(() => planField(field('v', nestedIn(33)))).toThrow(/^field "item": type .* is not supported/);
  });

  it('are refused where nothing reads them', () => {
    const entries = field(
      'entries',
      struct(field('key', new Utf8(), {}, false), field('value', new Int32())),
      {},
      false,
    );
    expect(() => planField(field('v', new Map_(entries as never)))).toThrow(
      /^field "v": type Map.* is not supported/,
    );
    expect(() => planField(field('v', struct(field('a', new Int32()), field('a', new Int32()))))).toThrow(
      '"a" means two fields',
    );
  });
});

describe('in a batch', () => {
  it('each changed cell is counted once under its path', async () => {
    const schema = compiled([meta, field('id', new Int32())]);
    const lines = [
      '{"id":1,"meta":{"fw":"1","rssi":"7"}}',
      '{"id":2,"meta":{"fw":"1","rssi":7.4,"z":1}}',
      '{"id":3,"meta":{"fw":"1","rssi":1}}',
      '{"id":4,"meta":{"fw":"1","rssi":[]}}',
    ];
    const { columns, loss, degradedRows, residue } = await schema.coerce(batchOf(lines.join('\n')), 'all');
    expect(valuesOf(columns)[0]).toEqual(['{"fw":"1","rssi":7}', '{"fw":"1","rssi":7}', '{"fw":"1","rssi":1}']);
    expect(degradedRows).toEqual([0, 1]);
    expect(loss.entries.map((entry) => [entry.field, entry.kind, entry.count])).toEqual([
      ['meta.rssi', 'number-from-text', 1],
      ['meta.rssi', 'rounded', 1],
      ['meta.z', 'stripped', 1],
    ]);
    expect([loss.cells, loss.refused?.map((entry) => [entry.field, entry.kind, entry.count])]).toEqual([
      3,
      [['meta.rssi', 'type', 1]],
    ]);
    expect(residue).toMatchObject([
      { rows: [3], reason: 'beyond-tolerance', detail: expect.stringContaining('meta.rssi') },
    ]);
  });
});

const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -0,
    1.5,
    7.4,
    '7',
    ' 7 ',
    'x',
    '',
    2n ** 60n,
    3e9,
    'true',
    '2024-02-29',
    1700000000,
    'AAEC',
    '[1]',
    '{"a":"1"}',
    '0.125',
  ),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const loose = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.constantFrom('a', 'b', 'A', 'B ', 'c', 'items', 'x', '__proto__'), tie('value')), {
        maxLength: 4,
      })
      .map((entries) => {
        const object: Record<string, unknown> = Object.create(null);
        for (const [name, value] of entries) object[name] = value;
        return object;
      }),
  ),
})).value;

const LEAVES: readonly DataType[] = [
  new Int32(),
  new Int64(),
  new Float64(),
  new Float32(),
  new Utf8(),
  new Bool(),
  new DateDay(),
  new Decimal(2, 12),
  new Binary(),
  new Timestamp(ArrowTimeUnit.MICROSECOND),
];
const options = fc.record({
  nullable: fc.boolean(),
  metadata: fc.constantFrom<Record<string, string>>({}, { essential: 'false' }, { json: 'true' }, {}),
});
const nestedField = fc.letrec<{ field: Field }>((tie) => ({
  field: fc
    .tuple(
      fc.constantFrom('a', 'b', 'c', 'items'),
      fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(...LEAVES),
        tie('field').map(list),
        fc
          .uniqueArray(tie('field'), { minLength: 1, maxLength: 3, selector: ({ name }) => name })
          .map((fields) => struct(...fields)),
      ),
      options,
    )
    .map(([name, type, { nullable, metadata }]) => field(name, type, metadata, nullable)),
})).field;

describe('whatever the fields and the values', () => {
  it('coerced text conforms, coercing it again changes nothing, and the validator finds every change explained', () => {
    let changed = 0;
    fc.assert(
      fc.property(nestedField, loose, fc.constantFrom<Dialect>('typed', 'epoch'), (target, value, dialect) => {
        fc.pre(value !== null);
        const fieldPlan = planField(target);
        fc.pre(fieldPlan.nested !== undefined);
        const result = coerceValue(fieldPlan, value, dialect);
        if (result instanceof Refusal || isCell(result) || result.cell === null) return;
        changed += 1;
        const { name } = target;
        const change = { field: name, column: 0, source: name, before: value, after: result.cell, ...result };
        expect(isExplained(fieldPlan, change, dialect)).toBe(true);
        const again = parseJsonText(String(result.cell));
        expect(fieldPlan.reader.read(again, 'typed')).toBe(result.cell);
        for (const [at] of (result.parts ?? []).entries()) {
          const parts = result.parts?.filter((_, index) => index !== at);
          expect(isExplained(fieldPlan, { ...change, parts }, dialect)).toBe(false);
        }
      }),
      { numRuns: 6000 },
    );
    expect(changed).toBeGreaterThan(300);
  });

  it('a text that was tampered with is never found explained', () => {
    const honest = { fw: 1, signal: 7.4, tags: ['a', 2], gps: { lat: '1', lon: 2 }, x: 1 };
    const result = coerceValue(plan, honest, 'typed');
    if (result instanceof Refusal || isCell(result)) throw new Error('a conversion was expected');
    const change = { field: 'meta', column: 0, source: 'meta', before: honest, after: result.cell, ...result };
    expect(isExplained(plan, change, 'typed')).toBe(true);
    for (const [from, to] of [
      ['"rssi":7', '"rssi":8'],
      ['"fw":"1"', '"fw":"2"'],
      ['"a"', '"b"'],
      ['"2"', '"3"'],
      ['"lat":1', '"lat":2'],
      ['"lon":2', '"lon":null'],
      ['"lon":2', '"lon":2,"x":1'],
      ['["a","2"]', '["a"]'],
    ] as const) {
      const after = String(result.cell).replace(from, to);
      expect(after).not.toBe(result.cell);
      expect(isExplained(plan, { ...change, after }, 'typed')).toBe(false);
    }
    const [first, ...others] = result.parts ?? [];
    if (!first) throw new Error('parts were expected');
    for (const parts of [
      [first, ...others, first],
      [...others, first],
      [{ ...first, before: 2 }, ...others],
      [first, ...others.map((part) => (part.path === '.rssi' ? { ...part, before: 7.3 } : part))],
      [{ ...first, after: '2' }, ...others],
      [{ ...first, path: '.rssi' }, ...others],
      [{ ...first, kind: 'text-from-bool' as const }, ...others],
    ]) {
      expect(isExplained(plan, { ...change, parts }, 'typed')).toBe(false);
    }
  });
});
