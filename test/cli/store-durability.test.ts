import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Workplace, workplace } from './workplace.ts';

const INDEX = new URL('../../src/index.ts', import.meta.url).href;
const INPUT = Array.from({ length: 20 }, (_, id) => `{"id":${id}}\n`).join('');

/** A pipeline whose objects are in a folder beside the data directory. @returns what names it to a command */
function configure(place: Workplace, name: string, isSinkUp: boolean): readonly string[] {
  place.file(
    name,
    `import { defineConfig, fromJsonSchema, fsStore, functionSink, nodeFileSystem, sqliteSink } from '${INDEX}';
const away = functionSink(() => { throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' }); });
export default defineConfig({
  sink: ${isSinkUp ? `sqliteSink({ file: ${JSON.stringify(join(place.path, 'x.db'))}, table: 'records' })` : 'away'},
  store: fsStore({ directory: ${JSON.stringify(join(place.path, 'bucket'))}, fs: nodeFileSystem }),
  durability: 'store',
  schema: fromJsonSchema({ type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] }),
  parquet: 'parquetjs-lite',
  retry: { attemptsMax: 1, firstMs: 1 },
});\n`,
  );
  return ['--config', name];
}

describe('a config file with durability by the store', () => {
  it('is what run, status, verify and reconcile go by, also when the data directory is lost', async () => {
    const place = workplace();
    place.file('in.ndjson', INPUT);
    const away = configure(place, 'away.ts', false);
    const ran = await place.tierfall(['run', '-i', 'in.ndjson', '--patience', '0s', ...away]);
    expect(ran.code, ran.out + ran.err).toBe(3);
    expect(existsSync(join(place.path, '.tierfall', 'journal'))).toBe(false);
    expect(existsSync(join(place.path, '.tierfall', 'objects'))).toBe(false);
    expect(place.below('bucket').filter((name) => name.endsWith('.parquet')).length).toBeGreaterThan(0);
    const verified = await place.tierfall(['verify', ...away]);
    expect(verified.code, verified.out).toBe(0);
    expect((await place.tierfall(['status', ...away])).out).toContain('20');
    const up = configure(place, 'up.ts', true);
    const reconciled = await place.tierfall(['reconcile', '--dir', 'another', ...up]);
    expect(reconciled.code, reconciled.out + reconciled.err).toBe(0);
    expect(place.rows('x.db', 'select count(*) as n from records')).toEqual([{ n: 20 }]);
  });

  it.each([
    ['durability', "durability: 'memory'"],
    ['parquet', "parquet: 'parquet-wasm'"],
    ['store', 'store: {}'],
  ])('names the option %s when it is wrong', async (option, text) => {
    const place = workplace();
    place.file(
      'tierfall.config.ts',
      `import { memorySink } from '${INDEX}';\nexport default { sink: memorySink(), ${text} };\n`,
    );
    const { code, err } = await place.tierfall(['graph']);
    expect(code).toBe(2);
    expect(err).toContain(`tierfall.config.ts: ${option}`);
  });
});
