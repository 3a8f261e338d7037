/** An HTTP request as one of the operations of S3, path style. */
import type { IncomingMessage } from 'node:http';
import { S3Failure } from './s3-failure.ts';
import type { Headers } from './s3-payload.ts';

export type S3Operation =
  | 'AbortMultipartUpload'
  | 'CompleteMultipartUpload'
  | 'CreateBucket'
  | 'CreateMultipartUpload'
  | 'DeleteObject'
  | 'GetObject'
  | 'HeadObject'
  | 'ListMultipartUploads'
  | 'ListObjectsV2'
  | 'ListParts'
  | 'PutObject'
  | 'UploadPart';

export interface S3Address {
  readonly operation: S3Operation;
  readonly bucket: string;
  /** Empty when the request is about the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
}

/** A request that was read, verified and unwrapped. */
export interface S3Request extends S3Address {
  readonly headers: Headers;
  readonly body: Buffer;
  readonly checksums: Readonly<Record<string, string>>;
}

/** @throws S3Failure for what is not emulated */
export function addressOf(method: string, target: string): S3Address {
  const url = new URL(target, 'http://emulator');
  const [, bucket = '', ...segments] = url.pathname.split('/').map(decodeURIComponent);
  const key = segments.join('/');
  const operation =
    key === '' ? bucketOperation(method, url.searchParams) : objectOperation(method, url.searchParams);
  if (operation === undefined || bucket === '') throw new S3Failure('NotImplemented', `${method} ${target}`);
  return { operation, bucket, key, query: url.searchParams };
}

function bucketOperation(method: string, query: URLSearchParams): S3Operation | undefined {
  if (method === 'PUT') return 'CreateBucket';
  if (method !== 'GET') return undefined;
  return query.has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2';
}

function objectOperation(method: string, query: URLSearchParams): S3Operation | undefined {
  const isUpload = query.has('uploadId');
  switch (method) {
    case 'PUT':
      return isUpload ? 'UploadPart' : 'PutObject';
    case 'POST':
      if (isUpload) return 'CompleteMultipartUpload';
      return query.has('uploads') ? 'CreateMultipartUpload' : undefined;
    case 'DELETE':
      return isUpload ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'HEAD':
      return 'HeadObject';
    case 'GET':
      return isUpload ? 'ListParts' : 'GetObject';
    default:
      return undefined;
  }
}

/** Headers by lower-case name, each with one value. */
export function headersOf(message: IncomingMessage): Headers {
  return Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : value,
    ]),
  );
}

export async function readRaw(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
