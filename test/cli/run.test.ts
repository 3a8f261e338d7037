import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { quarantinedIds, workplace } from './workplace.ts';

const NDJSON = '{"n":1,"name":"a"}\n{"n":2,"name":"b"}\n{"n":3,"name":"c"}\n';
const INTO = ['--sink', 'sqlite:x.db', '--patience', '2s'];

/** An input of each format with the same three records. */
const SAME: readonly (readonly [name: string, content: string])[] = [
  ['in.ndjson', NDJSON],
  ['in.json', '[{"n":1,"name":"a"},\n {"n":2,"name":"b"},{"n":3,"name":"c"}]'],
  ['in.csv', 'n,name\r\n1,a\r\n2,b\r\n3,c\r\n'],
];

describe('tierfall run', () => {
  it.each(SAME)('lands every record of %s and exits 0', async (name, content) => {
    const place = workplace();
    place.file(name, content);
    const { code, out } = await place.tierfall(['run', '-i', name, ...INTO]);
    expect(code, out).toBe(0);
    expect(place.rows('x.db', 'SELECT n, name FROM "in" ORDER BY n')).toEqual([
      { n: 1, name: 'a' },
      { n: 2, name: 'b' },
      { n: 3, name: 'c' },
    ]);
  });

  it('tells results on stdout and progress on stderr', async () => {
    const place = workplace();
    place.file('in.ndjson', NDJSON);
    const { out, err } = await place.tierfall(['run', '-i', 'in.ndjson', ...INTO]);
    expect(out).toContain('Ledger of this run');
    expect(out).not.toContain('progress');
    const last = JSON.parse(err.trim().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ type: 'progress', done: 3, finished: true });
  });

  it('tells everything as JSON lines with a type when asked', async () => {
    const place = workplace();
    place.file('in.ndjson', NDJSON);
    const { out, err } = await place.tierfall(['run', '-i', 'in.ndjson', ...INTO, '--json']);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ type }) => type)).toEqual(expect.arrayContaining(['note', 'progress', 'table']));
    expect(out).toContain('"delivered":3');
    expect(err).toBe('');
  });

  it('lands the very records a schema was inferred from, also when their types are mixed', async () => {
    const place = workplace();
    place.file('in.ndjson', '{"n":1,"v":1}\n{"n":2,"v":"a"}\n{"n":3,"v":3}\n{"n":4,"v":4.5}\n{"n":5}\n');
    const { code, out } = await place.tierfall(['run', '-i', 'in.ndjson', ...INTO]);
    expect(code, out).toBe(0);
    expect(place.rows('x.db', 'SELECT n, v FROM "in" ORDER BY n')).toEqual([
      { n: 1, v: '1' },
      { n: 2, v: 'a' },
      { n: 3, v: '3' },
      { n: 4, v: '4.5' },
      { n: 5, v: null },
    ]);
  });

  it('keeps the tolerance it was given, and keeps raw what is beyond it', async () => {
    const place = workplace();
    place.file('in.ndjson', NDJSON);
    place.file('drifted.ndjson', '{"n":"4","name":"d"}\n');
    const strict = [...INTO, '--table', 't', '--tolerance', '0'];
    expect((await place.tierfall(['run', '-i', 'in.ndjson', ...strict])).code).toBe(0);
    expect((await place.tierfall(['run', '-i', 'drifted.ndjson', ...INTO, '--table', 't'])).code).toBe(3);
    expect((await place.tierfall(['run', '-i', 'drifted.ndjson', ...INTO, '--tolerance', '2'])).code).toBe(2);
  });

  it('keeps to a schema file, coerces what drifted, says what was changed', async () => {
    const place = workplace();
    place.file('in.ndjson', `${Array.from({ length: 9 }, (_, n) => `{"n":${n}}`).join('\n')}\n{"n":"9"}\n`);
    place.file('s.json', '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}');
    const { code, out } = await place.tierfall(['run', '-i', 'in.ndjson', '--schema', 's.json', ...INTO]);
    expect(code, out).toBe(0);
    expect(place.rows('x.db', 'SELECT count(n) AS n, max(n) AS last FROM "in"')).toEqual([{ n: 10, last: 9 }]);
    expect(out).toContain('What was changed');
  });

  it('exits 3 when a record rests in quarantine, and keeps it byte for byte', async () => {
    const place = workplace();
    place.file('in.ndjson', `${NDJSON}{"n":4,  "name":\n`);
    const { code } = await place.tierfall(['run', '-i', 'in.ndjson', ...INTO]);
    expect(code).toBe(3);
    expect(place.rows('x.db', 'SELECT count(*) AS n FROM "in"')).toEqual([{ n: 3 }]);
    const [id = ''] = quarantinedIds((await place.tierfall(['quarantine', 'list', '--json'])).out);
    const shown = await place.tierfall(['quarantine', 'show', id, '--json']);
    expect(JSON.parse(shown.out)).toMatchObject({ reason: 'undecodable', body: '{"n":4,  "name":\n' });
  });

  it('does nothing on --resume when all was acknowledged before, and goes on where a file grew', async () => {
    const place = workplace();
    place.file('in.ndjson', NDJSON);
    await place.tierfall(['run', '-i', 'in.ndjson', ...INTO]);
    const again = await place.tierfall(['run', '-i', 'in.ndjson', '--resume']);
    expect(again.code).toBe(0);
    expect(again.out).toContain('all 3 records of in.ndjson were acknowledged before');
    place.file('in.ndjson', `${NDJSON}{"n":4,"name":"d"}\n`);
    const grown = await place.tierfall(['run', '-i', 'in.ndjson', '--resume', '--json']);
    expect(grown.out).toContain('"accepted":1');
    expect(place.rows('x.db', 'SELECT count(*) AS n FROM "in"')).toEqual([{ n: 4 }]);
  });

  it('lands the records of an array within a document, and goes on there', async () => {
    const place = workplace();
    const document = (rows: number) =>
      JSON.stringify({
        meta: { n: rows },
        data: { items: Array.from({ length: rows }, (_, n) => ({ n, name: `r${n}` })) },
      });
    place.file('in.json', document(3));
    const args = ['run', '-i', 'in.json', '--json-path', '/data/items', '--batch-rows', '2'];
    expect((await place.tierfall([...args, ...INTO])).code).toBe(0);
    place.file('in.json', document(5));
    const again = await place.tierfall([...args, '--resume', '--json']);
    expect(again.out).toContain('"accepted":2');
    expect(place.rows('x.db', 'SELECT n, name FROM "in" ORDER BY n')).toEqual(
      Array.from({ length: 5 }, (_, n) => ({ n, name: `r${n}` })),
    );
  });

  it('lands every record once when it is run twice without --resume', async () => {
    const place = workplace();
    place.file('in.ndjson', NDJSON);
    for (let round = 0; round < 2; round += 1) await place.tierfall(['run', '-i', 'in.ndjson', ...INTO]);
    expect(place.rows('x.db', 'SELECT count(*) AS n FROM "in"')).toEqual([{ n: 3 }]);
  });
});

/** What goes wrong before anything is done: arguments, exit code, code of the error, and the place it names. */
const REFUSED: readonly (readonly [
  what: string,
  args: readonly string[],
  exit: number,
  code: string,
  place: string,
])[] = [
  [
    'a path that is no pointer',
    ['run', '-i', 'in.json', '--json-path', 'data', ...INTO],
    2,
    'CONFIG_INVALID',
    '--json-path',
  ],
  [
    'a path into lines',
    ['run', '-i', 'in.ndjson', '--json-path', '/data', ...INTO],
    2,
    'CONFIG_INVALID',
    '--json-path',
  ],
  ['an unknown option', ['run', '--inptu', 'x'], 2, 'USAGE', '--inptu'],
  ['an unknown command', ['rum'], 2, 'USAGE', '"rum"'],
  [
    'a value out of range',
    ['run', '-i', 'in.ndjson', '--batch-rows', '0'],
    2,
    'CONFIG_INVALID',
    '--batch-rows',
  ],
  ['no sink', ['run', '-i', 'in.ndjson'], 2, 'CONFIG_INVALID', '--sink'],
  ['an unknown sink', ['run', '-i', 'in.ndjson', '--sink', 'mysql:x'], 2, 'CONFIG_INVALID', 'mysql:x'],
  ['a missing input', ['run', '-i', 'none.ndjson', ...INTO], 1, 'INPUT_NOT_FOUND', 'none.ndjson'],
  [
    'an input that is a directory',
    ['run', '-i', '.', '--format', 'ndjson', ...INTO],
    1,
    'INPUT_IS_DIRECTORY',
    'is a directory',
  ],
  ['an empty file', ['run', '-i', 'empty.ndjson', ...INTO], 1, 'INPUT_EMPTY', 'empty.ndjson'],
  ['an input of no known format', ['run', '-i', 'in.txt', ...INTO], 2, 'CONFIG_INVALID', 'in.txt'],
  [
    'a schema that is not there',
    ['run', '-i', 'in.ndjson', '--schema', 'no.json', ...INTO],
    2,
    'CONFIG_INVALID',
    'no.json',
  ],
  [
    'a schema that is not JSON',
    ['run', '-i', 'in.ndjson', '--schema', 'cut.json', ...INTO],
    2,
    'CONFIG_INVALID',
    'cut.json',
  ],
  [
    'a schema that means nothing',
    ['run', '-i', 'in.ndjson', '--schema', 'odd.json', ...INTO],
    2,
    'SCHEMA_',
    'odd.json',
  ],
  [
    'a schema that is a list',
    ['run', '-i', 'in.ndjson', '--schema', 'list.json', ...INTO],
    2,
    'SCHEMA_',
    'list.json',
  ],
  ['a config that is not there', ['run', '-i', 'in.ndjson', '-c', 'no.ts'], 2, 'CONFIG_INVALID', 'no.ts'],
  [
    'a config with an unknown option',
    ['run', '-i', 'in.ndjson', '-c', 'unknown.ts'],
    2,
    'CONFIG_INVALID',
    'dirr',
  ],
  [
    'a config that does not parse',
    ['run', '-i', 'in.ndjson', '-c', 'syntax.ts'],
    2,
    'CONFIG_INVALID',
    'syntax.ts',
  ],
  [
    'a config without a sink',
    ['run', '-i', 'in.ndjson', '-c', 'sinkless.ts'],
    2,
    'CONFIG_INVALID',
    'sinkless.ts: sink',
  ],
  [
    'a data directory that is a file',
    ['run', '-i', 'in.ndjson', ...INTO, '--dir', 'in.txt'],
    1,
    'STORAGE_',
    'in.txt',
  ],
  ['status of no directory', ['status', '--dir', 'none'], 2, 'CONFIG_INVALID', 'none'],
  ['verify of no directory', ['verify', '--dir', 'none'], 2, 'CONFIG_INVALID', 'none'],
  ['quarantine of no directory', ['quarantine', 'list', '--dir', 'none'], 2, 'CONFIG_INVALID', 'none'],
  ['reconcile of no directory', ['reconcile', '--dir', 'none'], 2, 'CONFIG_INVALID', 'none'],
];

describe('what cannot be done', () => {
  it.each(REFUSED)(
    '%s is refused in words that name it, and nothing is left behind',
    async (_, args, exit, code, named) => {
      const place = workplace();
      place.file('in.ndjson', NDJSON);
      place.file('in.txt', NDJSON);
      place.file('empty.ndjson', '');
      place.file('cut.json', '{"type":');
      place.file('odd.json', '{"type":"nonsense"}');
      place.file('list.json', '[]');
      place.file('unknown.ts', 'export default { sink: { write() {} }, dirr: "x" };');
      place.file('syntax.ts', 'export default { sink: ');
      place.file('sinkless.ts', 'export default { name: "x" };');
      const before = place.below('.');
      const ran = await place.tierfall(args);
      expect(ran.code, ran.err).toBe(exit);
      expect(ran.err).toContain(code);
      expect(ran.err).toContain(named);
      expect(ran.err, 'a hint says what to do').toContain('hint: ');
      expect(ran.err, 'not as a defect').not.toContain('unexpected');
      expect(place.below('.')).toEqual(before);
    },
  );

  it.each([
    [
      'invalid UTF-8',
      Buffer.concat([
        Buffer.from('{"n":1}\n{"n":2,"t":"'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from('"}\n{"n":3}\n'),
      ]),
    ],
    ['JSON that is cut off', Buffer.from('{"n":1}\n{"n":2,"t\n{"n":3}\n')],
  ])('%s goes to quarantine as it was received, and the records round it land', async (_, content) => {
    const place = workplace();
    place.file('in.ndjson', content);
    const ran = await place.tierfall(['run', '-i', 'in.ndjson', ...INTO]);
    expect(ran.code, ran.err).toBe(3);
    expect(place.rows('x.db', 'SELECT n FROM "in" ORDER BY n')).toEqual([{ n: 1 }, { n: 3 }]);
    const listed = await place.tierfall(['quarantine', 'list']);
    expect(listed.out).toContain('undecodable');
  });

  it('a field named __proto__ is a column like any other', async () => {
    const place = workplace();
    place.file('in.ndjson', '{"__proto__":"kept","constructor":"too","n":1}\n');
    const ran = await place.tierfall(['run', '-i', 'in.ndjson', ...INTO]);
    expect(ran.code, ran.err).toBe(0);
    expect(place.rows('x.db', 'SELECT "__proto__" AS p, "constructor" AS c, n FROM "in"')).toEqual([
      { p: 'kept', c: 'too', n: 1 },
    ]);
  });

  it('a record over the limit stops the run at its byte, and what came before it is in the sink', async () => {
    const place = workplace();
    place.file('in.ndjson', `{"n":1}\n{"n":2,"t":"${'x'.repeat(5_000)}"}\n`);
    const ran = await place.tierfall(['run', '-i', 'in.ndjson', ...INTO, '--record-bytes', '1KiB']);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('at byte 8');
    expect(ran.err).toContain('INPUT_RECORD_TOO_LARGE');
    expect(place.rows('x.db', 'SELECT n FROM "in"')).toEqual([{ n: 1 }]);
  });

  it('a second writer on the directory is refused within a second and changes nothing', async () => {
    const place = workplace();
    place.file('in.ndjson', NDJSON);
    place.file('other.ndjson', '{"other":1}\n');
    await place.tierfall(['run', '-i', 'in.ndjson', ...INTO]);
    const { createFallback, memorySink } = await import('../../src/index.ts');
    await using writer = await createFallback({ dir: `${place.path}/.tierfall`, sink: memorySink() });
    const settings = (): string => readFileSync(`${place.path}/.tierfall/settings.json`, 'utf8');
    const before = settings();
    const startedMs = performance.now();
    const ran = await place.tierfall(['run', '-i', 'other.ndjson', '--sink', 'sqlite:y.db']);
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('DIRECTORY_LOCKED');
    expect(ran.err).toContain(String(process.pid));
    expect(settings()).toBe(before);
    await writer.close();
    const free = await place.tierfall(['run', '-i', 'in.ndjson', '--resume']);
    expect(free.out, 'the sink of the first is still remembered').toContain('acknowledged before');
  });
});
