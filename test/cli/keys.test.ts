import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { workplace } from './workplace.ts';

const LINES = [
  '{"n":1,"text":"of-the-first"}',
  '{"n":"none","text":"of-the-second"}',
  '{"n":3,"text":"of-the-third"}',
];
const SCHEMA = {
  type: 'object',
  properties: { n: { type: 'integer' }, text: { type: 'string' } },
  required: ['n', 'text'],
};

function prepared() {
  const place = workplace();
  place.file('in.ndjson', `${LINES.join('\n')}\n`);
  place.file('schema.json', JSON.stringify(SCHEMA));
  place.file('keys.json', JSON.stringify({ first: randomBytes(32).toString('hex') }));
  return place;
}

describe('records under keys', () => {
  it('are brought back by commands that have the keys, and by no other', async () => {
    const place = prepared();
    const run = ['run', '--input', 'in.ndjson', '--sink', 'sqlite:x.db', '--schema', 'schema.json'];
    const ran = await place.tierfall([...run, '--keys', 'keys.json', '--tolerance', '1']);
    expect(ran.code, ran.out + ran.err).toBe(3);
    const kept = place
      .below('.tierfall')
      .filter((name) => /\.(?:seg|parquet|json)$/.test(name))
      .map((name) => readFileSync(join(place.path, '.tierfall', name)).toString('latin1'));
    expect(kept.length).toBeGreaterThan(2);
    expect(kept.filter((text) => text.includes('of-the-second'))).toEqual([]);
    const keys = ['--keys', 'keys.json'];
    expect((await place.tierfall(['verify', ...keys])).code).toBe(0);
    const listed = await place.tierfall(['quarantine', 'list', '--json', ...keys]);
    const id = /"id":"([^"]+)"/.exec(listed.out)?.[1] ?? '';
    expect((await place.tierfall(['quarantine', 'show', id, ...keys])).out).toContain('of-the-second');
    expect((await place.tierfall(['quarantine', 'show', id])).out).not.toContain('of-the-second');
    expect((await place.tierfall(['verify'])).code).toBe(1);
    expect((await place.tierfall(['journal', 'inspect'])).out).toContain('first');
  });

  it('are refused a file that holds none, without a word of what is in it', async () => {
    const place = prepared();
    place.file('bad.json', '{"first":"0123secret"}');
    const { code, err } = await place.tierfall(['verify', '--keys', 'bad.json']);
    expect([code, err.includes('0123secret')]).toEqual([2, false]);
    expect(err).toContain('64 hex digits');
  });
});
