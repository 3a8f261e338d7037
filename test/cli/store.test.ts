import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMULATOR_CREDENTIALS, S3Emulator } from '../support/s3/s3-emulator.ts';
import { type Workplace, workplace } from './workplace.ts';

const NAMES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const;
const before = NAMES.map((name) => process.env[name]);
let emulator: S3Emulator;

beforeAll(async () => {
  emulator = await S3Emulator.start();
  const { accessKeyId, secretAccessKey } = EMULATOR_CREDENTIALS;
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
});
afterAll(async () => {
  for (const [at, name] of NAMES.entries()) {
    if (before[at] === undefined) delete process.env[name];
    else process.env[name] = before[at];
  }
  await emulator.stop();
});

/** A run of which one of two records ends in quarantine: its key field is null. */
function withInput(): Workplace {
  const place = workplace();
  place.file('in.ndjson', '{"id":1}\n{"id":null}\n');
  place.file(
    'schema.json',
    JSON.stringify({
      type: 'object',
      properties: { id: { type: 'integer', 'x-key': true } },
      required: ['id'],
    }),
  );
  return place;
}

const RUN = ['run', '-i', 'in.ndjson', '--sink', 'sqlite:x.db', '--schema', 'schema.json'];

describe('--store', () => {
  it('puts objects into a bucket, is remembered, and serves every command that looks', async () => {
    const place = withInput();
    const spec = `s3://bucket/cli/a?endpoint=${emulator.endpoint}&checksums=when-required`;
    const ran = await place.tierfall([...RUN, '--store', spec]);
    expect(ran.code, ran.err).toBe(3);
    expect(place.below('.tierfall/objects')).toEqual([]);
    const keys = [...emulator.bucket.objects.keys()].filter((key) => key.startsWith('cli/a/'));
    expect(keys.some((key) => key.endsWith('.parquet'))).toBe(true);
    expect(keys.some((key) => key.includes('/quarantine/'))).toBe(true);
    const status = await place.tierfall(['status']);
    expect(status.out).toContain('s3://bucket/cli/a');
    const verified = await place.tierfall(['verify']);
    expect(verified.code, verified.err).toBe(0);
    expect((await place.tierfall(['quarantine', 'list'])).out).toContain('beyond-tolerance');
    expect((await place.tierfall(['reconcile'])).code).toBe(3);
  });

  it('lets commands look from a machine that has no data directory', async () => {
    const place = withInput();
    expect((await place.tierfall([...RUN, '--store', 'fs:raw'])).code).toBe(3);
    const elsewhere = ['--dir', 'elsewhere', '--store', 'fs:raw'];
    const status = await place.tierfall(['status', ...elsewhere]);
    expect(status.code, status.err).toBe(0);
    expect((await place.tierfall(['quarantine', 'list', ...elsewhere])).out).toContain('beyond-tolerance');
    const missing = await place.tierfall(['journal', 'inspect', '--dir', 'nowhere']);
    expect(missing.code).toBe(2);
    expect(missing.err).toContain('does not exist');
    expect((await place.tierfall(['status', '--dir', 'nowhere'])).code).toBe(2);
  });

  it('takes a directory, relative to where it is typed', async () => {
    const place = withInput();
    const ran = await place.tierfall([...RUN, '--store', 'fs:raw']);
    expect(ran.code, ran.err).toBe(3);
    expect(place.below('raw').some((path) => path.endsWith('.parquet'))).toBe(true);
    expect((await place.tierfall(['status'])).out).toContain(join(place.path, 'raw'));
  });

  it.each([
    ['gs://key:canary@bucket', 'expected s3://BUCKET/PREFIX or fs:DIRECTORY'],
    ['s3://bucket?colour=red', 'store?colour'],
    ['s3://bucket?endpoint=localhost', 's3Store.endpoint'],
    ['s3://bucket?partBytes=1', 's3Store.partBytes'],
  ])('is refused when it names no store, before anything is read: %s', async (spec, words) => {
    const place = withInput();
    const { code, err } = await place.tierfall([...RUN, '--store', spec]);
    expect([code, err]).toEqual([2, expect.stringContaining(words)]);
    expect(err).not.toContain('canary');
    expect(place.below('.tierfall/journal').filter((name) => name.endsWith('.seg'))).toEqual([]);
  });

  it('is told from a config file, which may hold a store or a text', async () => {
    const index = new URL('../../src/index.ts', import.meta.url).href;
    for (const [name, store] of [
      ['text', `'s3://bucket/cli/text?endpoint=${emulator.endpoint}'`],
      ['object', `s3Store({ bucket: 'bucket', prefix: 'cli/object', endpoint: '${emulator.endpoint}' })`],
    ] as const) {
      const place = withInput();
      const sink = `sqliteSink({ file: ${JSON.stringify(join(place.path, 'x.db'))}, table: 't' })`;
      place.file(
        'tierfall.config.ts',
        `import { s3Store, sqliteSink } from '${index}';\nexport default { sink: ${sink}, store: ${store} };\n`,
      );
      const ran = await place.tierfall(['run', '-i', 'in.ndjson', '--schema', 'schema.json']);
      expect(ran.code, ran.err).toBe(3);
      expect([...emulator.bucket.objects.keys()].some((key) => key.startsWith(`cli/${name}/chain=`))).toBe(
        true,
      );
    }
    const place = withInput();
    place.file('tierfall.config.ts', 'export default { sink: { write() {} }, store: 7 };\n');
    const { code, err } = await place.tierfall(['status']);
    expect([code, err]).toEqual([2, expect.stringContaining('store: found number')]);
  });
});
