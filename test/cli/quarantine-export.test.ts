import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BatchInput, createFallback, functionSink, type SinkRecord } from '../../src/index.ts';
import { quarantinedIds, type Workplace, workplace } from './workplace.ts';

/** Refuses every record without `ok`. */
const picky = functionSink(async (records: readonly SinkRecord[]) => ({
  failed: records.flatMap((record, index) =>
    record['ok'] === undefined ? [{ index, reason: 'refused' as const, detail: `no ${index}` }] : [],
  ),
}));

async function quarantined(...batches: readonly BatchInput[]): Promise<Workplace> {
  const place = workplace();
  const options = { dir: join(place.path, '.tierfall'), sink: picky, worker: false as const };
  const fallback = await createFallback({ ...options, retry: { attemptsMax: 1 } });
  for (const batch of batches) await fallback.submit(batch);
  await fallback.reconcile();
  await fallback.close();
  return place;
}

const NASTY = ['{"s":"naïve 漢字 \\u0000 \\ud83c\\udfac", "n": 12345678901234567890.10}', '{"x":\t1}'];

function ndjson(lines: readonly string[], orderingKey?: string): BatchInput {
  const body = `${lines.join('\r\n')}\r\n`;
  return { body, format: 'ndjson', ...(orderingKey === undefined ? {} : { orderingKey }) };
}

const list = async (place: Workplace, ...args: string[]) =>
  quarantinedIds((await place.tierfall(['quarantine', 'list', '--json', ...args])).out);

describe('tierfall quarantine export', () => {
  it('writes each row with everything that is known of it, and its bytes exactly', async () => {
    const place = await quarantined(ndjson(['{"ok":1}', ...NASTY], 'k'));
    const { code, out } = await place.tierfall(['quarantine', 'export', 'bad.ndjson']);
    expect([code, out]).toEqual([0, expect.stringContaining('2 rows exported')]);
    const lines = readFileSync(join(place.path, 'bad.ndjson'), 'utf8').trimEnd().split('\n');
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const bodies = rows.map(({ body }) => Buffer.from(String(body), 'base64').toString().trimEnd());
    expect(bodies).toEqual(NASTY);
    expect(rows[0]).toMatchObject({
      reason: 'refused',
      orderingKey: 'k',
      format: 'ndjson',
      state: 'held',
      originalRow: 1,
    });
    expect(rows.map(({ id }) => id)).toEqual(await list(place));
    expect(statSync(join(place.path, 'bad.ndjson')).mode & 0o777).toBe(0o600);
  });

  it.each<[string, BatchInput, string]>([
    ['ndjson', ndjson(['{"ok":1}', ...NASTY]), `${NASTY.join('\n')}\n`],
    ['csv', { body: 'a,b\r\n1,"x, y"\r\n2,"q""z"\r\n', format: 'csv' }, 'a,b\n1,"x, y"\n2,"q""z"\n'],
    ['json', { body: '[ {"a":1} ,\n{"a" : 2} ]', format: 'json' }, '[{"a":1},\n{"a" : 2}]\n'],
    [
      'line-protocol',
      { body: 'm,t=1 f=1i 5\nm,t=2 f="a b" 6\n', format: 'line-protocol' },
      'm,t=1 f=1i 5\nm,t=2 f="a b" 6\n',
    ],
  ])('writes a body of %s that is taken again as it is', async (format, batch, expected) => {
    const place = await quarantined(batch);
    const file = join(place.path, `own.${format}`);
    const { code, err } = await place.tierfall(['quarantine', 'export', file, '--format', 'own']);
    expect(code, err).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(expected);
    const { out } = await place.tierfall(['quarantine', 'export', '-', '--format', 'own']);
    expect(out).toBe(expected);
    const again = await quarantined({ body: readFileSync(file), format: batch.format });
    const second = await again.tierfall(['quarantine', 'export', '-', '--format', 'own']);
    expect(second.out).toBe(expected);
  });

  it('refuses to make one body of several formats, and leaves no half of a file', async () => {
    const place = await quarantined(ndjson(['{"a":1}']), { body: 'a\n1\n', format: 'csv' });
    const { code, err } = await place.tierfall(['quarantine', 'export', 'x', '--format', 'own']);
    expect([code, err]).toEqual([2, expect.stringContaining('make no one body')]);
    expect(place.below('.')).not.toContain('x');
    expect((await place.tierfall(['quarantine', 'export', 'x'])).code).toBe(0);
  });

  it('overwrites no file, and writes none in a dry run', async () => {
    const place = await quarantined(ndjson(NASTY));
    place.file('there', 'mine');
    expect((await place.tierfall(['quarantine', 'export', 'there'])).code).toBe(2);
    expect(readFileSync(join(place.path, 'there'), 'utf8')).toBe('mine');
    const { code, out } = await place.tierfall(['quarantine', 'export', 'new', '--dry-run']);
    expect([code, out]).toEqual([0, expect.stringContaining('2 rows would be exported')]);
    expect(place.below('.')).not.toContain('new');
  });
});

describe('rows in quarantine', () => {
  const two = () =>
    quarantined(ndjson(['{"a":1}', '{"a":2}'], 'left'), ndjson(['{"b":1}'], 'right'), ndjson(['{"c":1}']));

  it('are chosen by ordering key, object, time and reason, by every action alike', async () => {
    const place = await two();
    expect(await list(place)).toHaveLength(4);
    expect(await list(place, '--key', 'left')).toHaveLength(2);
    expect(await list(place, '--key', 'left', '--reason', 'undecodable')).toEqual([]);
    expect(await list(place, '--since', '1h')).toHaveLength(4);
    expect(await list(place, '--since', '2999-01-01')).toEqual([]);
    const shown = await place.tierfall(['quarantine', 'export', '-', '--key', 'right']);
    const { ref, body } = JSON.parse(shown.out) as { ref: string; body: string };
    expect(Buffer.from(body, 'base64').toString().trim()).toBe('{"b":1}');
    expect(await list(place, '--ref', ref)).toEqual(await list(place, '--key', 'right'));
    for (const action of ['release', 'discard']) {
      const { out } = await place.tierfall(['quarantine', action, '--all', '--key', 'left', '--dry-run']);
      expect(out).toContain('2 rows would be');
    }
    expect((await place.tierfall(['quarantine', 'discard', '--all', '--key', 'left'])).out).toContain(
      '2 rows discarded',
    );
    expect(await list(place)).toHaveLength(2);
    expect((await place.tierfall(['quarantine', 'release', '--all', '--since', '1h'])).out).toContain(
      '2 rows released',
    );
    expect(await list(place)).toEqual([]);
  });

  it.each([
    [['release', '--key', 'left']],
    [['discard', 'someid', '--since', '1h']],
    [['export']],
    [['export', 'f', 'someid', '--reason', 'refused']],
    [['list', '--since', 'soon']],
  ])('%j is refused before anything is done', async (args) => {
    const place = await two();
    expect((await place.tierfall(['quarantine', ...args])).code).toBe(2);
    expect(await list(place)).toHaveLength(4);
  });
});
