/** The real S3 server that integration tests talk to: the one that the environment names, or radosgw. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3StoreOptions } from '../../src/assembly/s3-store.ts';
import { startRadosgw } from './radosgw/radosgw.ts';

export interface S3Server extends AsyncDisposable {
  /** What a store on it needs. */
  readonly options: S3StoreOptions;
  /** Whether it is one that we know everything about. */
  readonly isRadosgw: boolean;
}

const BUCKET = 'tierfall-test';

/**
 * `S3_ENDPOINT`, with credentials where the SDK finds them (`AWS_ACCESS_KEY_ID` …) and `S3_BUCKET`, which is made
 * when it is not there; or a radosgw of its own.
 */
export async function startS3Server(): Promise<S3Server> {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket = BUCKET, AWS_REGION: region = 'us-east-1' } = process.env;
  if (endpoint) {
    await makeBucket({ bucket, endpoint, region });
    return { options: { bucket, endpoint, region }, isRadosgw: false, [Symbol.asyncDispose]: async () => {} };
  }
  const { stop, endpoint: own, ...credentials } = await startRadosgw();
  const options = { bucket: BUCKET, endpoint: own, credentials };
  await makeBucket(options);
  return { options, isRadosgw: true, [Symbol.asyncDispose]: stop };
}

async function makeBucket({ bucket, endpoint, region, credentials }: S3StoreOptions): Promise<void> {
  const client = new S3Client({
    forcePathStyle: true,
    region: region ?? 'us-east-1',
    ...(endpoint ? { endpoint } : {}),
    ...(credentials ? { credentials } : {}),
  });
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (!/BucketAlready/.test(String(error))) throw error;
  } finally {
    client.destroy();
  }
}
