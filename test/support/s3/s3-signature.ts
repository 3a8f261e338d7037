/** Verifies AWS Signature Version 4 of a request whose signature is in its headers. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { S3Failure } from './s3-failure.ts';
import type { Headers } from './s3-payload.ts';

export interface EmulatorCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Then requests must carry it. */
  readonly sessionToken?: string;
  /** The server says ExpiredToken to whoever uses them. */
  readonly isExpired?: boolean;
}

export interface SignedRequest {
  readonly method: string;
  /** As it came over the wire. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

const SKEW_MAX_MS = 15 * 60_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** RFC 3986, as AWS wants it. */
export function encodeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** @throws S3Failure naming what is wrong */
export function verifySignature(
  request: SignedRequest,
  known: readonly EmulatorCredentials[],
  nowMs: number,
): void {
  const { headers, body } = request;
  const match = AUTHORIZATION.exec(headers['authorization'] ?? '');
  if (!match) throw new S3Failure('AccessDenied', 'the request is not signed');
  const [, accessKeyId = '', scope = '', signedHeaders = '', signature = ''] = match;
  const credentials = known.find((one) => one.accessKeyId === accessKeyId);
  if (!credentials) throw new S3Failure('InvalidAccessKeyId');
  const date = headers['x-amz-date'] ?? '';
  checkDate(date, nowMs);
  const expected = sign({ ...request, credentials, scope, signedHeaders, date });
  if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature)))
    throw new S3Failure('SignatureDoesNotMatch');
  if (credentials.sessionToken !== headers['x-amz-security-token'])
    throw new S3Failure('AccessDenied', 'wrong token');
  if (credentials.isExpired) throw new S3Failure('ExpiredToken', 'The provided token has expired.');
  const payload = headers['x-amz-content-sha256'] ?? '';
  if (/^[0-9a-f]{64}$/.test(payload) && sha256(body) !== payload)
    throw new S3Failure('XAmzContentSHA256Mismatch');
}

function checkDate(date: string, nowMs: number): void {
  const iso = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  if (!(Math.abs(nowMs - Date.parse(iso)) <= SKEW_MAX_MS)) throw new S3Failure('RequestTimeTooSkewed');
}

interface Signing extends SignedRequest {
  readonly credentials: EmulatorCredentials;
  /** `<day>/<region>/s3/aws4_request` */
  readonly scope: string;
  readonly signedHeaders: string;
  readonly date: string;
}

function sign({ method, target, headers, credentials, scope, signedHeaders, date }: Signing): string {
  const [path = '', query = ''] = target.split('?');
  const canonical = [
    method,
    path
      .split('/')
      .map((segment) => encodeUri(decodeURIComponent(segment)))
      .join('/'),
    canonicalQuery(query),
    ...signedHeaders.split(';').map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders,
    headers['x-amz-content-sha256'] ?? '',
  ].join('\n');
  const [day = '', region = '', service = ''] = scope.split('/');
  const key = hmac(
    hmac(hmac(hmac(`AWS4${credentials.secretAccessKey}`, day), region), service),
    'aws4_request',
  );
  return hmac(key, ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')).toString('hex');
}

function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  const encoded = pairs.map((pair) => {
    const [name = '', value = ''] = pair.split('=').map((part) => encodeUri(decodeURIComponent(part)));
    return `${name}=${value}`;
  });
  return encoded.sort().join('&');
}
