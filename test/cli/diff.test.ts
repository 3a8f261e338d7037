import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listing } from '../../src/cli/diff-listing.ts';
import { renderDiffPage } from '../../src/cli/diff-report.ts';
import type { SourceDiffReport } from '../../src/diff/diff-sources.ts';
import { type Workplace, workplace } from './workplace.ts';

const BEFORE = '{"id":1,"v":1.5}\n{"id":2,"v":2}\n{"id":3,"v":3}\n';
const AFTER = '{"v":3.0,"id":3}\n{"id":1,"v":1.6}\n{"id":4,"v":4}\n';

function pair(a = BEFORE, b = AFTER): Workplace {
  const place = workplace();
  place.file('a.ndjson', a);
  place.file('b.ndjson', b);
  return place;
}

const report: SourceDiffReport = {
  isEqual: false,
  rowsA: 3,
  rowsB: 2,
  equal: 1,
  changed: 1,
  added: 0,
  removed: 1,
  changedCells: 1,
  fields: [{ field: '<i>', changed: 1 }],
  duplicates: { a: 0, b: 0, samples: [] },
  samples: [
    {
      kind: 'changed',
      key: ['<script>'],
      rowA: 0,
      rowB: 0,
      cells: [{ field: '<i>', before: '"\u001b[31m&', after: undefined }],
    },
    { kind: 'removed', key: ['\u001b[2J'], rowA: 1, record: { 'v\u001b[2J': '\r\n' } },
  ],
  undecodable: { a: 0, b: 0, samples: [] },
  isSpilled: false,
};

describe('tierfall diff', () => {
  it('exits with 0 and says so when the files are equal', async () => {
    const { code, out } = await pair(BEFORE, BEFORE).tierfall(['diff', 'a.ndjson', 'b.ndjson', '-k', 'id']);
    expect(code).toBe(0);
    expect(out).toContain('✓ Equal.');
  });

  it('exits with 1 and shows what was changed, removed and added', async () => {
    const { code, out } = await pair().tierfall(['diff', 'a.ndjson', 'b.ndjson', '--key', 'id']);
    expect(code).toBe(1);
    expect(out).toContain('~ id=1\n    v: 1.5 → 1.6\n- id=2  v=2\n+ id=4  v=4\n');
    expect(out).toMatch(/equal {2}changed {2}removed {2}added\n.*\n +3 +3 +1 +1 +1 +1\n/);
    expect(out).toContain('✗ Different.');
  });

  it('takes the digits of printf("%.17g") for the doubles that they are where a tolerance says so', async () => {
    const place = pair(
      '{"id":1,"v":0.10000000000000001,"w":[0.69999999999999996]}\n',
      '{"id":1,"v":0.1,"w":[0.7]}\n',
    );
    for (const way of [['-k', 'id'], ['--in-order']]) {
      const call = ['diff', 'a.ndjson', 'b.ndjson', ...way];
      expect((await place.tierfall(call)).code).toBe(1);
      expect((await place.tierfall([...call, '-t', '*=1e-15r'])).code).toBe(0);
    }
    expect((await place.tierfall(['diff', '--help'])).out).toContain('*=1e-15r');
  });

  it('shows at most as many changes of each kind as it is told to, and says how many there are more', async () => {
    const many = Array.from({ length: 1500 }, (_, id) => `{"id":${id}}\n`).join('');
    const { out } = await pair(many, '{"id":0}\n').tierfall([
      'diff',
      'a.ndjson',
      'b.ndjson',
      '-k',
      'id',
      '--limit',
      '2',
    ]);
    expect(out).toMatch(/^- id=1\n- id=2\n- … 1,497 more removed\n/);
  });

  it('shows at most ten cells of a record, and says how many there are more', async () => {
    const wide = (v: number): string =>
      `${JSON.stringify({ id: 1, ...Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`f${at}`, v])) })}\n`;
    const { out } = await pair(wide(1), wide(2)).tierfall(['diff', 'a.ndjson', 'b.ndjson', '-k', 'id']);
    expect(out).toContain('    f9: 1 → 2\n    … 20 more fields\n');
  });

  it('takes tolerances and ignored fields', async () => {
    const place = pair();
    const base = ['diff', 'a.ndjson', 'b.ndjson', '-k', 'id'];
    expect((await place.tierfall([...base, '-t', 'v=0.1'])).out).not.toContain('~');
    expect((await place.tierfall([...base, '--ignore', 'v'])).out).not.toContain('~');
    expect((await place.tierfall([...base, '-t', 'v=0.01'])).out).toContain('~ id=1');
  });

  it('compares whole rows without a key, and row n with row n when it is told to', async () => {
    const place = pair('{"v":1}\n{"v":2}\n', '{"v":2}\n{"v":1}\n');
    expect((await place.tierfall(['diff', 'a.ndjson', 'b.ndjson'])).code).toBe(0);
    const { code, out } = await place.tierfall(['diff', 'a.ndjson', 'b.ndjson', '--in-order']);
    expect(code).toBe(1);
    expect(out).toContain('~ row 1\n    v: 1 → 2\n');
  });

  it('compares files of other formats, a file through a disk, and an empty file', async () => {
    const place = pair();
    place.file('a.csv', 'id,v\n1,1.50\n2,2\n3,3\n');
    place.file('empty.json', '');
    const disk = ['--memory', '1'];
    for (const more of [[], disk])
      expect((await place.tierfall(['diff', 'a.csv', 'a.ndjson', '-k', 'id', ...more])).code).toBe(0);
    const { code, out } = await place.tierfall(['diff', 'empty.json', 'a.csv', '-k', 'id']);
    expect(code).toBe(1);
    expect(out).toContain('+ id="1"');
  });

  it('tells every change and the account as JSON lines, big integers as they are', async () => {
    const place = pair('{"id":9007199254740993,"v":1}\n{"id":1}\n', '{"id":9007199254740993,"v":[]}\n');
    const { code, out } = await place.tierfall([
      'diff',
      'a.ndjson',
      'b.ndjson',
      '-k',
      'id',
      '--json',
      '--limit',
      '0',
    ]);
    expect(code).toBe(1);
    const lines = out.split('\n').filter((line) => !line.includes('"progress"'));
    expect(lines.slice(0, 2)).toEqual([
      '{"type":"change","kind":"changed","key":[9007199254740993],"rowA":0,"rowB":0,"cells":[{"field":"v","before":1,"after":[]}]}',
      '{"type":"change","kind":"removed","key":[1],"rowA":1,"record":{"id":1}}',
    ]);
    expect(JSON.parse(lines[2] ?? '')).toMatchObject({ type: 'diff', isEqual: false, changed: 1, removed: 1 });
  });

  it('exits with 2 for rows that are not the format, whatever the others are', async () => {
    const { code, out } = await pair('{"id":1}\n{"id":\n', '{"id":1}\n').tierfall([
      'diff',
      'a.ndjson',
      'b.ndjson',
      '-k',
      'id',
    ]);
    expect(code).toBe(2);
    expect(out).toContain('Not compared: a.ndjson: row 1 (byte 9)');
    expect(out).toContain('✗ 1 rows are not their format');
  });

  it.each<[string, readonly string[], string]>([
    ['a file that is not there', ['a.ndjson', 'c.ndjson'], 'INPUT_NOT_FOUND'],
    ['a format that nothing tells', ['a.ndjson', 'b.txt'], 'CONFIG_INVALID'],
    ['a rule that is none', ['a.ndjson', 'b.ndjson', '-t', 'v'], 'CONFIG_INVALID'],
    ['a tolerance of the key', ['a.ndjson', 'b.ndjson', '-k', 'id', '-t', 'id=1'], 'CONFIG_INVALID'],
    ['a tolerance without a key', ['a.ndjson', 'b.ndjson', '-t', 'v=1'], 'CONFIG_INVALID'],
    ['an empty name', ['a.ndjson', 'b.ndjson', '-k', 'id,'], 'CONFIG_INVALID'],
    ['two ways to pair rows', ['a.ndjson', 'b.ndjson', '-k', 'id', '--in-order'], 'USAGE'],
    ['standard input twice', ['-', '-', '--format', 'ndjson'], 'USAGE'],
    ['one file', ['a.ndjson'], 'USAGE'],
  ])('exits with 2 for %s', async (_what, args, problem) => {
    const { code, err } = await pair().tierfall(['diff', ...args]);
    expect(code).toBe(2);
    expect(err).toContain(`[${problem}]`);
  });

  it('exits with 2 when it is stopped', async () => {
    const { code } = await pair().tierfall(['diff', 'a.ndjson', 'b.ndjson', '-k', 'id'], {
      signal: AbortSignal.abort(new Error('stopped by SIGINT')),
    });
    expect(code).toBe(2);
  });

  it('writes a report for a browser', async () => {
    const place = pair();
    await place.tierfall(['diff', 'a.ndjson', 'b.ndjson', '-k', 'id', '--html', 'out.html']);
    const page = readFileSync(join(place.path, 'out.html'), 'utf8');
    expect(page).toContain('a.ndjson against b.ndjson');
    expect(page).toContain('<code>v</code>');
  });

  it('has a help page of 80 columns', async () => {
    const { out } = await workplace().tierfall(['help', 'diff']);
    expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });
});

describe('changes on a terminal', () => {
  it('shows control characters instead of sending them', () => {
    const text = listing(report, { hasColor: false, columns: undefined, keyFields: ['k'] });
    expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(text).toContain('k="\\u001b[2J"');
  });

  it('colours by kind and cuts lines where it is asked to', () => {
    const text = listing(report, { hasColor: true, columns: 12, keyFields: ['k'] });
    expect(text.split('\n')[0]).toBe('\u001b[33m~ k="<scrip…\u001b[39m');
    expect(text).toContain('\u001b[31m- k=');
  });
});

describe('the report for a browser', () => {
  const page = renderDiffPage({ a: '<a>', b: 'b', report, keyFields: ['k'], method: 'By key.' });

  it('shows data only as text', () => {
    expect(page).not.toMatch(/<script|<i>|<a>/);
    expect(page).toContain('k=&quot;&lt;script&gt;&quot;');
    expect(page.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  it('loads and runs nothing', () => {
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/\b(?:src|href|on\w+)=/);
  });

  it('says equal only of what was compared as a whole', () => {
    const equal = { ...report, isEqual: true, changed: 0, removed: 0, fields: [], samples: [] };
    const of = (own: SourceDiffReport): string =>
      renderDiffPage({ a: 'a', b: 'b', report: own, keyFields: ['k'], method: '' });
    expect(of(equal)).toContain('<strong>Equal.</strong>');
    expect(of({ ...equal, undecodable: { a: 1, b: 0, samples: ['row 1'] } })).not.toContain('Equal.');
  });
});
