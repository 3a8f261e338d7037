import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Workplace, workplace } from './workplace.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    id: { type: 'integer', 'x-key': true },
    at: { type: 'string', format: 'date-time' },
    temp: { type: 'number', 'x-precision': 0.01 },
    meta: { type: 'object', properties: { rssi: { type: 'integer' } } },
  },
  required: ['id', 'at'],
};

function placeWith(name: string, text: string): Workplace {
  const place = workplace();
  place.file('s.json', JSON.stringify(SCHEMA));
  place.file(name, text);
  return place;
}

const LINES = [
  '{"id":9007199254740993,"at":"2026-01-01T00:00:00Z","temp":1.5,"meta":{"rssi":-3}}',
  '{"id":"2","at":"2026-01-01 00:00:00","temp":"3.25","site":"north"}',
  '{"id":"zz","at":"2026-01-01T00:00:00Z"}',
  '{oops',
  '',
].join('\n');

describe('tierfall coerce', () => {
  it('writes what lands to standard output, with every digit of an integer', async () => {
    const { code, out } = await placeWith('e.ndjson', LINES).tierfall([
      'coerce',
      'e.ndjson',
      '--schema',
      's.json',
    ]);
    expect(code).toBe(1);
    expect(out.trimEnd().split('\n')).toEqual([
      '{"id":9007199254740993,"at":"2026-01-01T00:00:00.000000Z","temp":1.5,"meta":{"rssi":-3}}',
      '{"id":2,"at":"2026-01-01T00:00:00.000000Z","temp":3.25,"meta":null}',
    ]);
  });

  it('shows every change by field and kind, and what refused the others', async () => {
    const { err } = await placeWith('e.ndjson', LINES).tierfall([
      'coerce',
      'e.ndjson',
      '--schema',
      's.json',
      '--report',
    ]);
    for (const words of [
      /^id +number-from-text +no +1 /m,
      /^at +time-from-text +yes +1 /m,
      /^temp +number-from-text +no +1 /m,
      /^site +stripped +yes +1 /m,
      /^2 of 4 records land, 1 of them changed; 2 refused$/m,
      /^ {2}id: "zz" is no bigint \(type\) 1x$/m,
    ])
      expect(err).toMatch(words);
  });

  it('gives the report as JSON on request', async () => {
    const { err } = await placeWith('e.ndjson', LINES).tierfall([
      'coerce',
      'e.ndjson',
      '--schema',
      's.json',
      '--json',
    ]);
    const report = JSON.parse(err.trimEnd().split('\n').at(-1) ?? '');
    expect(report).toMatchObject({ type: 'coerce', records: 4, landed: 2, changed: 1, refused: 2 });
    expect(report.loss.cells).toBe(4);
  });

  it('keeps refused records byte for byte, with one header where there is one', async () => {
    const rows = Array.from({ length: 1200 }, (_, row) => `${row % 2 ? 'zz' : row},2026-01-01T00:00:00Z`);
    const place = placeWith('e.csv', `id,at\n${rows.join('\n')}\n`);
    const { code } = await place.tierfall(['coerce', 'e.csv', '--schema', 's.json', '--refused', 'r.csv']);
    expect(code).toBe(1);
    const kept = readFileSync(join(place.path, 'r.csv'), 'utf8').trimEnd().split('\n');
    expect([kept[0], kept.length, new Set(kept.slice(1))]).toEqual([
      'id,at',
      601,
      new Set(['zz,2026-01-01T00:00:00Z']),
    ]);
  });

  it.each<[string, string, string]>([
    ['csv', '\r', 'id,note'],
    ['csv', '\r\n', 'id,note'],
    ['ndjson', '\n', ''],
    ['json', ',\n', ''],
  ])(
    'keeps refused records of %s with %j between them so that they are read again',
    async (format, end, header) => {
      const isCsv = format === 'csv';
      const rowOf = (row: number): string => {
        const [id, note] = [row % 2 ? 'zz' : String(row), `n ${row}`];
        return isCsv ? `${id},${note}` : JSON.stringify({ id, note });
      };
      const rows = Array.from({ length: 1200 }, (_, row) => rowOf(row));
      const text = [...(isCsv ? [header] : []), ...rows].join(end);
      const place = placeWith(`e.${format}`, format === 'json' ? `[${text}]` : text);
      place.file('n.json', JSON.stringify({ type: 'object', properties: { id: SCHEMA.properties.id } }));
      const run = (file: string, kept: string) =>
        place.tierfall(['coerce', file, '--schema', 'n.json', '--refused', kept]);
      expect((await run(`e.${format}`, `r.${format}`)).err).toContain('600 of 1,200 records land');
      const again = await run(`r.${format}`, `s.${format}`);
      expect(again.err).toContain('0 of 600 records land');
      const read = (name: string): string => readFileSync(join(place.path, name), 'utf8').trimEnd();
      expect(read(`s.${format}`)).toBe(read(`r.${format}`));
      for (const row of [1, 1199]) expect(read(`r.${format}`)).toContain(rowOf(row));
      if (format === 'json') expect(JSON.parse(read('r.json'))).toHaveLength(600);
    },
  );

  it('exits 0 when everything lands', async () => {
    const place = placeWith('e.ndjson', '{"id":1,"at":"2026-01-01T00:00:00Z"}\n');
    expect((await place.tierfall(['coerce', 'e.ndjson', '--schema', 's.json'])).code).toBe(0);
  });

  it('says what is wrong with a schema or a call', async () => {
    const place = placeWith('e.ndjson', LINES);
    place.file('bad.json', '{"type":"array"}');
    const bad = await place.tierfall(['coerce', 'e.ndjson', '--schema', 'bad.json']);
    expect([bad.code, bad.err]).toEqual([expect.any(Number), expect.stringContaining('bad.json')]);
    expect((await place.tierfall(['coerce', 'e.ndjson'])).err).toContain('--schema');
    expect((await place.tierfall(['coerce', 'a', 'b', '--schema', 's.json'])).err).toMatch(/one file|b/);
  });
});
