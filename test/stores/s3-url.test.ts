import { describe, expect, it } from 'vitest';
import { parseS3Url } from '../../src/stores/s3-url.ts';

describe('an S3 store as a URL', () => {
  it('spells its bucket, its prefix and every option that has a place in text', () => {
    expect(parseS3Url('s3://bucket')).toEqual({ bucket: 'bucket' });
    expect(parseS3Url('s3://bucket/')).toEqual({ bucket: 'bucket' });
    const query = [
      'endpoint=http://127.0.0.1:9000',
      'region=eu-central-1',
      'pathStyle=false',
      'checksums=when-required',
      'encryption=aws:kms',
      'kmsKeyId=arn:aws:kms:eu:1:key/2',
      'storageClass=STANDARD_IA',
      'partBytes=16777216',
      'patienceMs=5000',
    ];
    expect(parseS3Url(`s3://My-Bucket.1/pipelines/a%20b?${query.join('&')}`)).toEqual({
      bucket: 'My-Bucket.1',
      prefix: 'pipelines/a b',
      endpoint: 'http://127.0.0.1:9000',
      region: 'eu-central-1',
      pathStyle: false,
      checksums: 'when-required',
      encryption: { kind: 'aws:kms', keyId: 'arn:aws:kms:eu:1:key/2' },
      storageClass: 'STANDARD_IA',
      partBytes: 16_777_216,
      patienceMs: 5000,
    });
    expect(parseS3Url('s3://bucket?encryption=AES256')).toMatchObject({ encryption: { kind: 'AES256' } });
    expect(parseS3Url('s3://bucket?kmsKeyId=k')).toMatchObject({ encryption: { kind: 'aws:kms', keyId: 'k' } });
  });

  it.each([
    ['https://bucket', 'store'],
    ['s3:bucket', 'store'],
    ['s3:///prefix', 'store'],
    ['s3://key:canary@bucket', 'store'],
    ['s3://bucket:9000', 'store'],
    ['s3://bucket?endpiont=x', 'store?endpiont'],
    ['s3://bucket?secretAccessKey=canary', 'store?secretAccessKey'],
    ['s3://bucket?region=a&region=b', 'store?region'],
    ['s3://bucket?pathStyle=yes', 'store?pathStyle'],
    ['s3://bucket?partBytes=8MiB', 'store?partBytes'],
    ['s3://bucket?patienceMs=-1', 'store?patienceMs'],
    ['s3://bucket?encryption=AES256&kmsKeyId=k', 'store?encryption'],
    ['s3://bucket?encryption=customer', 'store?encryption'],
  ])('is refused by name: %s', (text, path) => {
    expect(() => parseS3Url(text)).toThrow(expect.objectContaining({ name: 'ConfigError', path }));
  });

  it('never repeats a password that stands where none belongs', () => {
    expect(() => parseS3Url('s3://key:canary@bucket')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('canary') }),
    );
    expect(() => parseS3Url('s3://bucket?secretAccessKey=canary')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('canary') }),
    );
  });
});
