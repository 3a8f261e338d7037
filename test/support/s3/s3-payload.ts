/** The body of a request as it was meant: unwrapped from aws-chunked framing, and held against its checksums. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { S3Failure } from './s3-failure.ts';

export type Headers = Readonly<Record<string, string | undefined>>;

const LINE_END = Buffer.from('\r\n');

function bigEndian(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes.toString('base64');
}

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (CRC32C_TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return ~value >>> 0;
}

function digest(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('base64');
}

/** Checksums as S3 writes them, by the header that carries each. */
const CHECKSUMS: Readonly<Record<string, (bytes: Uint8Array) => string>> = {
  'content-md5': (bytes) => digest('md5', bytes),
  'x-amz-checksum-crc32': (bytes) => bigEndian(crc32(bytes)),
  'x-amz-checksum-crc32c': (bytes) => bigEndian(crc32c(bytes)),
  'x-amz-checksum-sha1': (bytes) => digest('sha1', bytes),
  'x-amz-checksum-sha256': (bytes) => digest('sha256', bytes),
};

/** The checksum of the kind that a header carries. */
export function checksumOf(header: string, bytes: Uint8Array): string | undefined {
  return CHECKSUMS[header]?.(bytes);
}

export interface Payload {
  readonly body: Buffer;
  /** Checksums that came with it, by header, `content-md5` left out. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** @throws S3Failure when the framing is broken, or a checksum does not match and `verify` is set */
export function readPayload(raw: Buffer, headers: Headers, verify: boolean): Payload {
  const isChunked = headers['x-amz-content-sha256']?.startsWith('STREAMING-') ?? false;
  const { body, trailers } = isChunked ? unwrap(raw) : { body: raw, trailers: {} };
  if (isChunked) checkFraming(body, trailers, headers);
  const checksums: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...headers, ...trailers })) {
    if (value === undefined || CHECKSUMS[name] === undefined) continue;
    if (verify && CHECKSUMS[name](body) !== value) throw new S3Failure('BadDigest', `${name} does not match`);
    if (name !== 'content-md5') checksums[name] = value;
  }
  return { body, checksums };
}

function checkFraming(body: Buffer, trailers: Headers, headers: Headers): void {
  const length = headers['x-amz-decoded-content-length'];
  if (length !== undefined && Number(length) !== body.length)
    throw new S3Failure('InvalidRequest', 'wrong length');
  const announced = headers['x-amz-trailer'];
  if (announced !== undefined && trailers[announced] === undefined)
    throw new S3Failure('InvalidRequest', `the trailer ${announced} is missing`);
}

/** `<hex size>[;extension]\r\n<bytes>\r\n …  0\r\n<trailer>\r\n\r\n` */
function unwrap(raw: Buffer): { body: Buffer; trailers: Headers } {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = raw.indexOf(LINE_END, at);
    const size = Number.parseInt(raw.subarray(at, end).toString('latin1'), 16);
    if (end < 0 || !(size >= 0)) throw new S3Failure('InvalidRequest', 'broken chunks');
    at = end + LINE_END.length;
    if (size === 0) return { body: Buffer.concat(chunks), trailers: readTrailers(raw.subarray(at)) };
    chunks.push(raw.subarray(at, at + size));
    at += size + LINE_END.length;
  }
}

function readTrailers(raw: Buffer): Headers {
  const lines = raw
    .toString('latin1')
    .split('\r\n')
    .filter((line) => line.includes(':'));
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}
