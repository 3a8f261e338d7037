import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type S3StoreOptions, s3Store } from '../../src/assembly/s3-store.ts';
import { ConfigError } from '../../src/core/errors.ts';
import { emulatedStore, storeOn } from '../support/s3/emulated-store.ts';

const ROOT = join(import.meta.dirname, '..', '..');

describe('options of an S3 store', () => {
  const BAD: readonly (readonly [Partial<S3StoreOptions>, string])[] = [
    [{ bucket: '' }, 'bucket'],
    [{ bucket: 'a/b' }, 'bucket'],
    [{ prefix: '../other' }, 'prefix'],
    [{ prefix: '/rooted' }, 'prefix'],
    [{ endpoint: 'localhost:9000' }, 'endpoint'],
    [{ endpoint: 'ftp://key:canary@localhost' }, 'endpoint'],
    [{ endpoint: 'http://key:canary@localhost' }, 'endpoint'],
    [{ checksums: 'never' as 'when-required' }, 'checksums'],
    [{ encryption: { kind: 'customer', key: new Uint8Array(16) } }, 'encryption.key'],
    [{ partBytes: 5 * 1024 * 1024 - 1 }, 'partBytes'],
    [{ partBytes: 5 * 1024 ** 3 + 1 }, 'partBytes'],
    [{ multipartBytes: 1 }, 'multipartBytes'],
    [{ partsInFlightMax: 0 }, 'partsInFlightMax'],
    [{ socketsMax: 0.5 }, 'socketsMax'],
    [{ connectTimeoutMs: 0 }, 'connectTimeoutMs'],
    [{ requestTimeoutMs: Number.NaN }, 'requestTimeoutMs'],
    [{ patienceMs: -1 }, 'patienceMs'],
    [{ pageKeys: 1001 }, 'pageKeys'],
    [{ orphanAgeMs: -1 }, 'orphanAgeMs'],
  ];

  it.each(BAD)('are refused when they are out of range: %o', (options, name) => {
    let refused: unknown;
    try {
      s3Store({ bucket: 'bucket', ...options });
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(ConfigError);
    expect(refused).toMatchObject({ path: `s3Store.${name}` });
    expect((refused as ConfigError).message).not.toContain('canary');
  });

  it('may be left out, but for the bucket', () => {
    expect(s3Store({ bucket: 'bucket' }).name).toBe('s3://bucket');
    expect(s3Store({ bucket: 'bucket', prefix: 'a/b/' }).name).toBe('s3://bucket/a/b');
  });

  it('name the store by its server too, so that buckets of one name on two servers are two stores', () => {
    const nameAt = (endpoint: string): string => s3Store({ bucket: 'bucket', prefix: 'a', endpoint }).name;
    expect(nameAt('http://one:9000')).toBe('s3://bucket/a?endpoint=http://one:9000');
    expect(nameAt('HTTP://One:9000/')).toBe(nameAt('http://one:9000'));
    expect(nameAt('https://two/s3/?token=canary')).toBe('s3://bucket/a?endpoint=https://two/s3');
  });

  it('reach the server: encryption, storage class, content type, digest', async () => {
    await using host = await emulatedStore();
    const { emulator } = host;
    const key = new Uint8Array(32).fill(7);
    const headersOf = async (options: Partial<S3StoreOptions>, name = 'k.parquet') => {
      const store = storeOn(emulator, { prefix: `${emulator.calls.length}`, ...options });
      await store.put(name, [Buffer.from('x')]);
      expect((await store.get(name)).length).toBe(1);
      expect((await store.head(name))?.bytes).toBe(1);
      await store.close?.();
      return emulator.calls.findLast((call) => call.operation === 'PutObject')?.headers ?? {};
    };
    const sse = 'x-amz-server-side-encryption';
    expect((await headersOf({ encryption: { kind: 'AES256' } }))[sse]).toBe('AES256');
    const kms = await headersOf({ encryption: { kind: 'aws:kms', keyId: 'key-1', bucketKey: true } });
    expect([kms[sse], kms[`${sse}-aws-kms-key-id`], kms[`${sse}-bucket-key-enabled`]]).toEqual([
      'aws:kms',
      'key-1',
      'true',
    ]);
    const own = await headersOf({ encryption: { kind: 'customer', key } });
    expect(own[`${sse}-customer-algorithm`]).toBe('AES256');
    expect(own[`${sse}-customer-key`]).toBe(Buffer.from(key).toString('base64'));
    const plain = await headersOf({ storageClass: 'STANDARD_IA' }, 'k.settled.json');
    expect(plain['x-amz-storage-class']).toBe('STANDARD_IA');
    expect(plain['content-type']).toBe('application/json');
    expect(plain['x-amz-checksum-sha256']).toBeDefined();
    const required = await headersOf({ checksums: 'when-required' });
    expect(Object.keys(required).filter((header) => header.includes('checksum'))).toEqual([]);
    expect(required['x-amz-content-sha256']).toBe(required['x-amz-meta-tierfall-sha256']);
  });

  it('decide whether the connections are kept for large bodies too', async () => {
    await using host = await emulatedStore();
    const body = Buffer.alloc(4 * 1024 * 1024);
    for (let n = 0; n < 3; n += 1) await host.store.put(`k${n}`, [body]);
    expect(host.emulator.connections).toBeLessThanOrEqual(2);
  });
});

describe('an S3 store without its packages', () => {
  /** Runs with a Node to which one package does not exist. */
  function runWithout(missing: string, script: string) {
    const hook = `import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) {
        if (name === '${missing}') throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
        return next(name, context);
      } });`;
    const hookUrl = `data:text/javascript,${encodeURIComponent(hook)}`;
    const args = ['--import', hookUrl, '--input-type=module', '--eval', script];
    return spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  }

  const say = `catch((error) => console.log(error.name, error.path, error.hint))`;
  const body = `new Uint8Array(6 * 1024 * 1024)`;

  it('loads, and says which one to install at its first call', () => {
    const { stdout, stderr } = runWithout(
      '@aws-sdk/client-s3',
      `const { s3Store } = await import('./src/index.ts');
       await s3Store({ bucket: 'bucket' }).get('k').${say};
       await s3Store({ bucket: 'bucket' }).put('k', []).${say};`,
    );
    expect(stderr).toBe('');
    const line =
      'ConfigError s3Store Install it beside tierfall: npm install @aws-sdk/client-s3 @aws-sdk/lib-storage';
    expect(stdout.trim().split('\n')).toEqual([line, line]);
  });

  it('works but for large objects without lib-storage', () => {
    const { stdout, stderr } = runWithout(
      '@aws-sdk/lib-storage',
      `const { emulatedStore, SMALL_LIMITS } = await import('./test/support/s3/emulated-store.ts');
       const { store, emulator } = await emulatedStore();
       console.log(await store.put('small', [new Uint8Array(1)]));
       await store.put('large', [${body}]).${say};
       await store.close();
       await emulator.stop();`,
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^created\nConfigError s3Store Install it beside tierfall: npm install/);
  });
});
