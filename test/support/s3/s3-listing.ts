/** ListObjectsV2: pages in the order of UTF-8 bytes, as fresh or as stale as the test wants them. */
import type { EmulatedObject, S3Answer, S3Bucket } from './s3-bucket.ts';
import type { S3Request } from './s3-request.ts';
import { encodeUri } from './s3-signature.ts';
import type { XmlElement } from './s3-xml.ts';

const PAGE_MAX = 1000;

function byBytes(a: EmulatedObject, b: EmulatedObject): number {
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
}

export class S3Listing {
  readonly #bucket: S3Bucket;
  #frozen: readonly EmulatedObject[] | undefined;

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  /** From now on lists show what is there at this moment, whatever is put or deleted. */
  freeze(): void {
    this.#frozen = [...this.#bucket.objects.values()];
  }

  thaw(): void {
    this.#frozen = undefined;
  }

  answer({ bucket, query }: S3Request): S3Answer {
    const prefix = query.get('prefix') ?? '';
    const token = query.get('continuation-token');
    const after =
      token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
    const pageKeys = Math.min(Number(query.get('max-keys') ?? PAGE_MAX), PAGE_MAX);
    const isBehind = ({ key }: EmulatedObject): boolean =>
      after === '' || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0;
    const all = (this.#frozen ?? [...this.#bucket.objects.values()])
      .filter((object) => object.key.startsWith(prefix) && isBehind(object))
      .sort(byBytes);
    const page = all.slice(0, pageKeys);
    const isEncoded = query.get('encoding-type') === 'url';
    const nextToken = Buffer.from(page.at(-1)?.key ?? '').toString('base64url');
    const isTruncated = all.length > page.length;
    return {
      body: [
        'ListBucketResult',
        [
          ['Name', bucket],
          ['KeyCount', page.length],
          ['MaxKeys', pageKeys],
          ['IsTruncated', isTruncated],
          ...(isTruncated ? [['NextContinuationToken', nextToken] as const] : []),
          ...(isEncoded ? [['EncodingType', 'url'] as const] : []),
          ...page.map((object) => contents(object, isEncoded)),
        ],
      ],
    };
  }
}

function contents({ key, modifiedMs, etag, body }: EmulatedObject, isEncoded: boolean): XmlElement {
  return [
    'Contents',
    [
      ['Key', isEncoded ? encodeUri(key) : key],
      ['LastModified', new Date(modifiedMs).toISOString()],
      ['ETag', `"${etag}"`],
      ['Size', body.length],
      ['StorageClass', 'STANDARD'],
    ],
  ];
}
