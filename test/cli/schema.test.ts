import { describe, expect, it } from 'vitest';
import { type Workplace, workplace } from './workplace.ts';

const RECORDS = [
  { id: 1, temp: 20.5, status: 'ok', meta: { fw: '1.0', rssi: -50 }, day: '24.12.2023' },
  { id: 2, temp: 21, status: 'ok', meta: { fw: '1.1', rssi: -51 }, day: '1.1.2024' },
  { id: 3, temp: null, status: 'fail', meta: { fw: '1.1', rssi: -52 }, day: '2.1.2024' },
  { id: 4, temp: 22, status: 'fail', meta: { fw: '1.1', rssi: -53 }, day: '3.1.2024' },
];

const lines = (records: readonly unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');

async function inferred(options: readonly string[] = []): Promise<Workplace> {
  const place = workplace();
  place.file('e.ndjson', lines(RECORDS));
  const { code, out, err } = await place.tierfall(['schema', 'infer', 'e.ndjson', ...options]);
  expect(code, err).toBe(0);
  place.file('v1.json', out);
  return place;
}

describe('tierfall schema infer', () => {
  it('prints a schema that its own file conforms to', async () => {
    for (const options of [[], ['--enum-max', '2', '--formats'], ['--nested', 'json']]) {
      const place = await inferred(options);
      const { code, out } = await place.tierfall(['schema', 'check', 'e.ndjson', '--schema', 'v1.json']);
      expect([code, out]).toEqual([0, '✓ all 20 cells of 4 records conform\n']);
    }
  });

  it('declares enumerations, forms of dates and nested fields only as asked', async () => {
    const place = workplace();
    place.file('e.ndjson', lines(RECORDS));
    const properties = async (...options: string[]) => {
      const { out } = await place.tierfall(['schema', 'infer', 'e.ndjson', ...options]);
      return JSON.parse(out).properties;
    };
    expect(await properties()).toMatchObject({
      status: { type: ['string', 'null'] },
      day: { type: ['string', 'null'] },
      meta: { type: ['object', 'null'], properties: { rssi: { type: ['integer', 'null'] } } },
    });
    expect(await properties('--enum-max', '2', '--formats', '--nested', 'json')).toMatchObject({
      status: { enum: ['ok', 'fail', null] },
      day: { format: 'date', 'x-format': 'D.M.YYYY' },
      meta: { 'x-json': true },
    });
  });

  it('counts what it saw on standard error, and leaves the schema alone on standard output', async () => {
    const place = await inferred();
    const { out, err } = await place.tierfall(['schema', 'infer', 'e.ndjson', '--counts', '--sample', '3']);
    expect(JSON.parse(out)).toHaveProperty('properties');
    expect(err.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'field | type | records | nulls | seen | key | example',
      expect.stringMatching(/^-+ /),
      'id | int64 | 3 | 0 | int 3 | maybe | 1',
      'temp | float64 | 3 | 1 | float 1, int 1 | 20.5',
      'status | utf8 | 3 | 0 | text 3 | "ok"',
      'meta | struct | 3 | 0 | object 3 | {"fw":"1.0","rssi":-50}',
      'meta.fw | utf8 | 3 | 0 | text 3 | "1.0"',
      'meta.rssi | int64 | 3 | 0 | int 3 | -50',
      'day | utf8 | 3 | 0 | text 3 | maybe | "24.12.2023"',
      '3 records',
      '',
    ]);
  });

  it('recognises numbers in csv, and says how many records it could not read', async () => {
    const place = workplace();
    place.file('c.csv', 'a,b\n1,x\n2,y\n');
    const { out } = await place.tierfall(['schema', 'infer', 'c.csv', '--json']);
    expect(JSON.parse(out)).toMatchObject({
      type: 'schema',
      records: 2,
      unread: 0,
      schema: { properties: { a: { type: ['integer', 'null'] } } },
    });
    place.file('d.ndjson', '{"a":1}\n{"a":\n');
    expect(JSON.parse((await place.tierfall(['schema', 'infer', 'd.ndjson', '--json'])).out)).toMatchObject({
      records: 1,
      unread: 1,
    });
  });
});

describe('tierfall schema check', () => {
  it('exits 1 with a table of what drifted, where and how often', async () => {
    const place = await inferred(['--enum-max', '2']);
    const text = lines(RECORDS)
      .replace('"temp":21', '"temp":"hot"')
      .replace('"rssi":-53', '"rssi":"x"')
      .replaceAll('"fail"', '"bad"');
    place.file('d.ndjson', `${text}{"id"\n`);
    const { code, out } = await place.tierfall(['schema', 'check', 'd.ndjson', '--schema', 'v1.json']);
    expect(code).toBe(1);
    expect(out.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'Drift',
      'field | mismatch | cells | of field | record | example',
      expect.stringMatching(/^-+ /),
      'status | range | 2 | 50.0 % | 3 | "bad"',
      'temp | type | 1 | 25.0 % | 2 | "hot"',
      'meta.rssi | type | 1 | 4 | {"fw":"1.1","rssi":"x"}',
      '✗ 4 of 20 cells in 4 records differ (20.0 %); 1 more could not be read',
      '',
    ]);
  });

  it('tells records by their place in the file, beyond the first batch', async () => {
    const place = workplace();
    place.file('s.json', '{"type":"object","properties":{"a":{"type":"integer"}}}');
    place.file('d.ndjson', `${'{"a":1}\n'.repeat(1_200)}{"a":"x"}\n`);
    const { code, out } = await place.tierfall(['schema', 'check', 'd.ndjson', '--schema', 's.json', '--json']);
    const [report] = out
      .split('\n')
      .filter((line) => line.includes('"type":"drift"'))
      .map((line) => JSON.parse(line));
    expect(code).toBe(1);
    expect(report).toMatchObject({
      rows: 1_201,
      mismatched: 1,
      entries: [{ samples: [{ row: 1_200, value: '"x"' }] }],
    });
  });

  it('exits 2 and names file and keyword of a schema that cannot be enforced', async () => {
    const place = await inferred();
    place.file('bad.json', '{"type":"object","properties":{"a":{"type":"string","pattern":"(a+)+$"}}}');
    const { code, err } = await place.tierfall(['schema', 'check', 'e.ndjson', '--schema', 'bad.json']);
    expect(code).toBe(2);
    expect(err).toContain('bad.json: #/properties/a/pattern: ');
  });
});

describe('tierfall schema diff', () => {
  it('exits 0 for equal and compatible schemas, 1 for others, the worst change first', async () => {
    const place = await inferred();
    const equal = await place.tierfall(['schema', 'diff', 'v1.json', 'v1.json']);
    expect([equal.code, equal.out]).toEqual([0, '✓ the schemas are equal\n']);
    place.file('a.json', '{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}}}');
    place.file(
      'b.json',
      '{"type":"object","properties":{"a":{"type":"string"},"c":{"type":"string"}},"required":["c"]}',
    );
    const { code, out } = await place.tierfall(['schema', 'diff', 'a.json', 'b.json']);
    expect(code).toBe(1);
    expect(out.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'change | field | what | old | new | why',
      expect.stringMatching(/^-+ /),
      'breaking | c | added | utf8 | absence is refused',
      'coercible | a | type | int64 | utf8 | is written as text',
      'coercible | b | removed | utf8 | is stripped',
      '✗ breaking: some records that conform to the old schema are refused by the new one',
      '',
    ]);
    place.file(
      'c.json',
      '{"type":"object","properties":{"a":{"type":["integer","null"]},"b":{"type":"string"}}}',
    );
    expect((await place.tierfall(['schema', 'diff', 'a.json', 'c.json'])).code).toBe(0);
  });

  it('gives the same as one line of JSON', async () => {
    const place = workplace();
    place.file('a.json', '{"type":"object","properties":{"a":{"type":"integer"}}}');
    place.file('b.json', '{"type":"object","properties":{"a":{"type":"string"}}}');
    const { code, out } = await place.tierfall(['schema', 'diff', 'a.json', 'b.json', '--json']);
    expect([code, JSON.parse(out)]).toEqual([
      1,
      {
        type: 'schema-diff',
        compatibility: 'coercible',
        changes: [
          {
            path: 'a',
            kind: 'type',
            from: 'int64',
            to: 'utf8',
            compatibility: 'coercible',
            why: 'is written as text',
          },
        ],
      },
    ]);
  });
});

describe('tierfall schema', () => {
  it.each([
    [['schema'], '<action> is missing'],
    [['schema', 'guess', 'e.ndjson'], 'schema cannot "guess"'],
    [['schema', 'check', 'e.ndjson'], 'needs --schema FILE'],
    [['schema', 'infer', 'e.ndjson', 'f.ndjson'], 'takes one file'],
    [['schema', 'diff', 'v1.json'], 'takes two files'],
    [['schema', 'diff', 'v1.json', 'none.json'], 'none.json cannot be read'],
    [['schema', 'diff', 'v1.json', 'e.ndjson'], 'e.ndjson is not JSON'],
    [['schema', 'infer', 'e.ndjson', '--sample', '0'], '--sample'],
    [['schema', 'infer', 'e.ndjson', '--nested', 'list'], '--nested'],
    [['schema', 'infer', 'e'], '--format'],
  ])('refuses %j before anything is done', async (args, words) => {
    const place = await inferred();
    const { code, err, out } = await place.tierfall(args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(words);
  });
});
