/** The objects of one bucket, in memory, and what is done with them one by one. */
import { createHash } from 'node:crypto';
import { S3Failure } from './s3-failure.ts';
import { checksumOf, type Headers } from './s3-payload.ts';
import type { S3Request } from './s3-request.ts';
import type { XmlElement } from './s3-xml.ts';

export interface S3Answer {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | XmlElement;
}

export interface EmulatedObject {
  readonly key: string;
  readonly body: Buffer;
  readonly etag: string;
  readonly modifiedMs: number;
  /** What came with it and goes out with it: metadata, encryption, content type, storage class. */
  readonly headers: Readonly<Record<string, string>>;
  readonly checksums: Readonly<Record<string, string>>;
}

/** What some servers do otherwise than S3. */
export interface S3Quirks {
  /** If-None-Match on PutObject. */
  readonly conditionalPut: 'honoured' | 'ignored' | 'not-implemented';
  /** If-None-Match on CompleteMultipartUpload. */
  readonly conditionalComplete: 'honoured' | 'ignored';
  /** Checksums other than that of the signature. */
  readonly checksums: 'verified' | 'ignored';
}

const KEPT = /^(?:x-amz-meta-.*|x-amz-server-side-encryption.*|x-amz-storage-class|content-type)$/;
const SECRET = 'x-amz-server-side-encryption-customer-key';
const SECRET_DIGEST = `${SECRET}-md5`;

/** Headers of a request that belong to the object. */
export function keptHeaders(headers: Headers): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && KEPT.test(name) && name !== SECRET) kept[name] = value;
  }
  return kept;
}

export class S3Bucket {
  readonly objects = new Map<string, EmulatedObject>();

  /** @throws S3Failure PreconditionFailed when the key is there and must not be */
  checkAbsent(key: string, headers: Headers, mode: S3Quirks['conditionalPut']): void {
    if (headers['if-none-match'] === undefined || mode === 'ignored') return;
    if (mode === 'not-implemented') throw new S3Failure('NotImplemented', 'If-None-Match');
    if (this.objects.has(key)) throw new S3Failure('PreconditionFailed');
  }

  store(object: Omit<EmulatedObject, 'modifiedMs'>): void {
    this.objects.set(object.key, { ...object, modifiedMs: Date.now() });
  }

  put({ key, headers, body, checksums }: S3Request, quirks: S3Quirks): S3Answer {
    this.checkAbsent(key, headers, quirks.conditionalPut);
    const etag = createHash('md5').update(body).digest('hex');
    this.store({ key, body, etag, headers: keptHeaders(headers), checksums });
    return { headers: { etag: `"${etag}"`, ...(quirks.checksums === 'ignored' ? {} : checksums) } };
  }

  get({ key, headers }: S3Request, quirks: S3Quirks): S3Answer {
    const object = this.#find(key, headers);
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers['range'] ?? '');
    if (!range) return { headers: answerHeaders(object, headers, quirks), body: object.body };
    const [start, last] = [Number(range[1]), Math.min(Number(range[2]), object.body.length - 1)];
    if (start >= object.body.length) throw new S3Failure('InvalidRange');
    return {
      status: 206,
      headers: {
        ...answerHeaders(object, {}, quirks),
        'content-range': `bytes ${start}-${last}/${object.body.length}`,
      },
      body: object.body.subarray(start, last + 1),
    };
  }

  delete({ key }: S3Request): S3Answer {
    this.objects.delete(key);
    return { status: 204 };
  }

  #find(key: string, headers: Headers): EmulatedObject {
    const object = this.objects.get(key);
    if (!object) throw new S3Failure('NoSuchKey');
    if (object.headers[SECRET_DIGEST] !== headers[SECRET_DIGEST])
      throw new S3Failure('InvalidRequest', 'the object was stored with another customer key');
    return object;
  }
}

function answerHeaders(
  object: EmulatedObject,
  asked: Headers,
  quirks: S3Quirks,
): Readonly<Record<string, string>> {
  const wantsChecksums = asked['x-amz-checksum-mode'] === 'ENABLED' && quirks.checksums === 'verified';
  return {
    etag: `"${object.etag}"`,
    'last-modified': new Date(object.modifiedMs).toUTCString(),
    ...object.headers,
    ...(wantsChecksums ? object.checksums : {}),
  };
}

/** Checksum headers that an answer carries for a whole body that was put together from parts. */
export function wholeChecksums(algorithm: string | undefined, body: Buffer): Readonly<Record<string, string>> {
  const header = `x-amz-checksum-${algorithm?.toLowerCase() ?? ''}`;
  const value = checksumOf(header, body);
  return value === undefined ? {} : { [header]: value, 'x-amz-checksum-type': 'FULL_OBJECT' };
}
