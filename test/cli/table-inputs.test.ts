import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { duckdbParquet } from '../codecs/parquet-files.ts';
import { MEANING, pageBytes, parquetBytes, plainTexts, TYPE } from '../hostile/parquet-bytes.ts';
import { quarantinedIds, workplace } from './workplace.ts';

const QUERY = `select i id, (9007199254740993+i)::bigint big, (i||'.25')::decimal(9,2) price,
  timestamp '2024-01-01 12:00:00'+interval (i) second as at, ('{"a":'||chr(10)||i||'}')::json js, 'té'||i t from range(1200) r(i)`;

function arrowFile(form: 'stream' | 'file'): Uint8Array {
  return tableToIPC(tableFromArrays({ id: Int32Array.of(1, 2, 3), name: ['a', 'b', 'c'] }), form);
}

/** Four texts, the second of which is not UTF-8. */
function badParquet(): Uint8Array {
  const pages = pageBytes(plainTexts(['a', Uint8Array.of(0x62, 0xff), 'c', 'd']), { values: 4 });
  return parquetBytes({
    elements: [{ name: 't', type: TYPE.bytes, meaning: MEANING.text }],
    rows: 4,
    columns: [{ type: TYPE.bytes, pages, values: 4 }],
  });
}

describe('a Parquet file by its ending', () => {
  it('lands in a sink, every value exact, and again with --resume only what is new', async () => {
    const place = workplace();
    place.file(
      't.parquet',
      await duckdbParquet(`copy (${QUERY}) to 'FILE' (format parquet, row_group_size 2048)`),
    );
    const ran = await place.tierfall(['run', '-i', 't.parquet', '--sink', 'sqlite:x.db']);
    expect(ran.code, ran.err).toBe(0);
    expect(place.rows('x.db', 'select count(*) n, sum(id) s from t')).toEqual([{ n: 1200, s: 719_400 }]);
    const [row] = place.rows(
      'x.db',
      'select cast(big as text) big, cast(price as text) price, t from t where id = 7',
    );
    expect(row).toEqual({ big: '9007199254741000', price: '7.25', t: 'té7' });
    const again = await place.tierfall(['run', '-i', 't.parquet', '--sink', 'sqlite:x.db', '--resume']);
    expect([again.code, again.out + again.err]).toEqual([0, expect.stringContaining('Nothing to do')]);
  });

  it('has its schema inferred, is checked against it, and is coerced to it', async () => {
    const place = workplace();
    place.file('t.parquet', await duckdbParquet(`copy (${QUERY}) to 'FILE' (format parquet)`));
    const { out } = await place.tierfall(['schema', 'infer', 't.parquet']);
    expect(JSON.parse(out).properties).toMatchObject({ id: { type: ['integer', 'null'] } });
    place.file('s.json', out);
    expect((await place.tierfall(['schema', 'check', 't.parquet', '--schema', 's.json'])).code).toBe(0);
    const coerced = await place.tierfall(['coerce', 't.parquet', '--schema', 's.json']);
    expect([coerced.code, coerced.out.split('\n').length - 1]).toEqual([0, 1200]);
  });

  it('keeps a row that cannot be read, with its bytes, and lands the others', async () => {
    const place = workplace();
    place.file('t.parquet', badParquet());
    place.file('s.json', '{"type":"object","properties":{"t":{"type":"string"}}}');
    const ran = await place.tierfall(['run', '-i', 't.parquet', '--sink', 'sqlite:x.db', '--schema', 's.json']);
    expect(ran.code, ran.err).toBe(3);
    expect(place.rows('x.db', 'select t from t order by t').map(({ t }) => t)).toEqual(['a', 'c', 'd']);
    const listed = await place.tierfall(['quarantine', 'list', '--json']);
    const [id = ''] = quarantinedIds(listed.out);
    const shown = await place.tierfall(['quarantine', 'show', id]);
    expect(shown.out).toContain('column "t" holds text that is not UTF-8, in base64 Yv8=');
  });

  it('is refused above its limit, and when it is something else, by every command', async () => {
    const place = workplace();
    place.file('big.parquet', await duckdbParquet(`copy (${QUERY}) to 'FILE' (format parquet)`));
    place.file('bad.parquet', 'id,t\n1,a\n and more of the same');
    place.file('s.json', '{"type":"object","properties":{"t":{"type":"string"}}}');
    const commands = (file: string): readonly string[][] => [
      ['run', '-i', file, '--sink', 'sqlite:x.db'],
      ['schema', 'infer', file],
      ['schema', 'check', file, '--schema', 's.json'],
      ['coerce', file, '--schema', 's.json'],
    ];
    for (const args of commands('big.parquet')) {
      const { code, err } = await place.tierfall([...args, '--record-bytes', '1KiB']);
      expect([code, err]).toEqual([
        1,
        expect.stringContaining('big.parquet: the file has more than 1024 bytes'),
      ]);
    }
    for (const args of commands('bad.parquet')) {
      const { code, err } = await place.tierfall(args);
      expect([code, err]).toEqual([1, expect.stringContaining('[PARQUET_NOT_PARQUET]')]);
    }
  });
});

describe('an Arrow file by its ending', () => {
  it.each([
    ['t.arrow', 'file'],
    ['t.feather', 'file'],
    ['t.ipc', 'stream'],
    ['t.arrows', 'stream'],
  ] as const)('lands in a sink as %s', async (name, form) => {
    const place = workplace();
    place.file(name, arrowFile(form));
    const ran = await place.tierfall(['run', '-i', name, '--sink', 'sqlite:x.db']);
    expect(ran.code, ran.err).toBe(0);
    expect(place.rows('x.db', 'select id, name from t order by id').length).toBe(3);
  });

  it('is refused above its limit', async () => {
    const place = workplace();
    place.file('t.arrow', arrowFile('file'));
    const { code, err } = await place.tierfall(['schema', 'infer', 't.arrow', '--record-bytes', '100']);
    expect([code, err]).toEqual([1, expect.stringContaining('[INPUT_RECORD_TOO_LARGE]')]);
  });
});
