import { describe, expect, it } from 'vitest';
import { sinceOf } from '../../src/cli/since.ts';
import { ConfigError } from '../../src/core/errors.ts';
import { type Workplace, workplace } from './workplace.ts';

const NARROW = { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] };
const WIDE = { ...NARROW, properties: { ...NARROW.properties, site: { type: 'string' } } };

async function degraded(): Promise<Workplace> {
  const place = workplace();
  place.file('narrow.json', JSON.stringify(NARROW));
  place.file('wide.json', JSON.stringify(WIDE));
  place.file('in.ndjson', '{"id":1,"site":"a"}\n{"id":2}\n{"id":3,"site":7}\n');
  const args = ['--sink', 'sqlite:x.db', '--schema', 'narrow.json', '--tolerance', '1'];
  expect((await place.tierfall(['run', '-i', 'in.ndjson', ...args])).code).toBe(0);
  return place;
}

const sites = (place: Workplace): unknown[] =>
  place.rows('x.db', 'SELECT site FROM "in" ORDER BY id').map(({ site }) => site);

describe('tierfall heal', () => {
  it('upgrades what fits the schema by now, and says what stays and why', async () => {
    const place = await degraded();
    const dry = await place.tierfall(['heal', '--schema', 'wide.json', '--dry-run', '--json']);
    expect(dry.code).toBe(0);
    expect(JSON.parse(dry.out.split('\n')[0] ?? '')).toMatchObject({
      rows: [{ objects: 1, records: 2, 'would be healed': 1, 'still degraded': 1 }],
    });
    expect(place.rows('x.db', 'SELECT * FROM "in"')[0]).not.toHaveProperty('site');
    const healed = await place.tierfall(['heal', '--schema', 'wide.json', '--report']);
    expect(healed.code).toBe(3);
    expect(healed.out).toContain('1 stay degraded: they do not fit this schema');
    expect(sites(place)).toEqual(['a', null, null]);
    const report = await place.tierfall(['reconcile', '--report', '--json']);
    const [heals] = report.out.split('\n').flatMap((line) => (line.includes('originals kept') ? [line] : []));
    expect(JSON.parse(heals ?? '')).toMatchObject({ rows: [{ degraded: 2, healed: 1, 'still degraded': 1 }] });
    expect((await place.tierfall(['verify'])).code).toBe(0);
  });

  it('ends with 0 when nothing stays degraded', async () => {
    const place = await degraded();
    place.file(
      'wide.json',
      JSON.stringify({ ...WIDE, properties: { ...WIDE.properties, site: { type: ['string', 'integer'] } } }),
    );
    const none = await place.tierfall(['heal', '--schema', 'wide.json', '--since', '2999-01-01']);
    expect([none.code, place.rows('x.db', 'SELECT * FROM "in"')[0]]).toEqual([
      0,
      expect.not.objectContaining({ site: expect.anything() }),
    ]);
    expect((await place.tierfall(['heal', '--schema', 'wide.json', '--since', '1h'])).code).toBe(0);
    expect(sites(place)).toEqual(['"a"', null, '7']);
    expect((await place.tierfall(['heal', '--schema', 'wide.json', '--since', '1h'])).code).toBe(0);
  });

  it('refuses a directory that is not there, and a moment that is none', async () => {
    const place = workplace();
    expect((await place.tierfall(['heal'])).code).toBe(2);
    const { code, err } = await place.tierfall(['heal', '--since', 'yesterday']);
    expect([code, err]).toEqual([2, expect.stringContaining('--since')]);
  });
});

describe('--since', () => {
  it('takes a date, a moment, or how long ago', () => {
    expect(sinceOf(undefined, 0)).toBeUndefined();
    expect(sinceOf('2026-11-20', 0)?.toISOString()).toBe('2026-11-20T00:00:00.000Z');
    expect(sinceOf('2026-11-20T08:30:00+02:00', 0)?.toISOString()).toBe('2026-11-20T06:30:00.000Z');
    expect(sinceOf('36h', 36 * 3_600_000 + 5)?.getTime()).toBe(5);
  });

  it.each(['', '2026', '2026-13-01', '2026-11-20T08:30', '7 weeks', '-1d'])('refuses %j', (text) => {
    expect(() => sinceOf(text, 0)).toThrow(ConfigError);
  });
});
