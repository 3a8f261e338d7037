/**
 * An S3 server in the test's own process: signatures, checksums, conditional puts, multipart uploads and pages are
 * checked as S3 does, and faults happen where the test puts them. Objects are in memory.
 *
 * M1 a fault `before` leaves the bucket as it was; a fault `after` has done the work. M2 what is not emulated is
 * answered with NotImplemented, never with a guess.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { type S3Answer, S3Bucket, type S3Quirks } from './s3-bucket.ts';
import { S3Failure } from './s3-failure.ts';
import { type S3Fault, S3Faults } from './s3-faults.ts';
import { S3Listing } from './s3-listing.ts';
import { type Headers, readPayload } from './s3-payload.ts';
import {
  addressOf,
  headersOf,
  readRaw,
  type S3Address,
  type S3Operation,
  type S3Request,
} from './s3-request.ts';
import { type EmulatorCredentials, verifySignature } from './s3-signature.ts';
import { S3Uploads } from './s3-uploads.ts';
import { toXml } from './s3-xml.ts';

export interface S3EmulatorOptions {
  /** Exists from the start. @default 'bucket' */
  readonly bucket?: string;
  readonly quirks?: Partial<S3Quirks>;
  /** Between a request and its answer. @default 0 */
  readonly latencyMs?: number;
}

export interface S3Call {
  readonly operation: S3Operation;
  readonly key: string;
  readonly headers: Headers;
}

export const EMULATOR_CREDENTIALS: EmulatorCredentials = {
  accessKeyId: 'AKIAEMULATOR',
  secretAccessKey: 'emulator-secret',
};

const S3: S3Quirks = { conditionalPut: 'honoured', conditionalComplete: 'honoured', checksums: 'verified' };

/** The connection was cut or is left hanging: there is nothing more to answer. */
const SILENT = Symbol('silent');

export class S3Emulator {
  readonly faults = new S3Faults();
  readonly calls: S3Call[] = [];
  readonly bucketName: string;
  readonly bucket = new S3Bucket();
  readonly uploads = new S3Uploads(this.bucket);
  readonly listing = new S3Listing(this.bucket);
  /** Whoever signs with one of these is let in. */
  credentials: readonly EmulatorCredentials[] = [EMULATOR_CREDENTIALS];
  /** Requests in flight at the same time, at most, since the start. */
  inFlightMax = 0;
  /** Connections that were opened since the start. */
  connections = 0;
  readonly #quirks: S3Quirks;
  readonly #latencyMs: number;
  readonly #server: Server;
  #inFlight = 0;

  constructor({ bucket = 'bucket', quirks = {}, latencyMs = 0 }: S3EmulatorOptions = {}) {
    this.bucketName = bucket;
    this.#quirks = { ...S3, ...quirks };
    this.#latencyMs = latencyMs;
    this.#server = createServer((message, response) => void this.#serve(message, response));
    this.#server.on('connection', () => {
      this.connections += 1;
    });
  }

  static async start(options?: S3EmulatorOptions): Promise<S3Emulator> {
    const emulator = new S3Emulator(options);
    await new Promise<void>((resolve) => emulator.#server.listen(0, '127.0.0.1', resolve));
    return emulator;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Whether every request was answered. */
  get isIdle(): boolean {
    return this.#inFlight === 0;
  }

  /** How often an operation was asked for. */
  count(operation: S3Operation): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.#inFlight);
    try {
      await this.#answer(message, response);
    } catch (error) {
      if (error === SILENT || response.destroyed) return;
      const failure = error instanceof S3Failure ? error : new S3Failure('InternalError', String(error));
      sendFailure(message, response, failure);
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: target = '' } = message;
    const headers = headersOf(message);
    const raw = await readRaw(message);
    const address = addressOf(method, target);
    this.calls.push({ operation: address.operation, key: address.key, headers });
    const fault = this.faults.take(address.operation, address.key);
    const isBefore = fault !== undefined && fault.when !== 'after';
    const received = isBefore && fault.corrupt ? withFlippedBit(raw) : raw;
    verifySignature({ method, target, headers, body: received }, this.credentials, Date.now());
    const payload = readPayload(received, headers, this.#quirks.checksums === 'verified');
    if (isBefore) await strike(fault, response);
    if (this.#latencyMs > 0) await wait(this.#latencyMs);
    const answer = this.#perform({ ...address, headers, ...payload });
    if (fault && !isBefore) await strike(fault, response);
    send(message, response, answer, isBefore ? undefined : fault);
  }

  #perform(request: S3Request): S3Answer {
    this.#checkBucket(request);
    const { bucket, uploads, listing } = this;
    switch (request.operation) {
      case 'CreateBucket':
        throw new S3Failure('BucketAlreadyOwnedByYou');
      case 'PutObject':
        return bucket.put(request, this.#quirks);
      case 'GetObject':
      case 'HeadObject':
        return bucket.get(request, this.#quirks);
      case 'DeleteObject':
        return bucket.delete(request);
      case 'ListObjectsV2':
        return listing.answer(request);
      case 'CreateMultipartUpload':
        return uploads.create(request);
      case 'UploadPart':
        return uploads.addPart(request);
      case 'CompleteMultipartUpload':
        return uploads.complete(request, this.#quirks);
      case 'AbortMultipartUpload':
        return uploads.abort(request);
      case 'ListParts':
        return uploads.listParts(request);
      case 'ListMultipartUploads':
        return uploads.list(request);
    }
  }

  #checkBucket({ bucket }: S3Address): void {
    if (bucket !== this.bucketName) throw new S3Failure('NoSuchBucket');
  }
}

function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

function withFlippedBit(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >> 1;
  if (copy.length > 0) copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

/** The part of a fault that comes instead of an answer, or in front of it. */
async function strike(fault: S3Fault, response: ServerResponse): Promise<void> {
  if (fault.delayMs !== undefined) await wait(fault.delayMs);
  await fault.meanwhile?.();
  if (fault.reset) {
    response.socket?.resetAndDestroy();
    throw SILENT;
  }
  if (fault.hang) throw SILENT;
  if (fault.code) throw new S3Failure(fault.code, fault.code, fault.retryAfterS);
}

function sendFailure(message: IncomingMessage, response: ServerResponse, failure: S3Failure): void {
  const body = Buffer.from(
    toXml([
      'Error',
      [
        ['Code', failure.code],
        ['Message', failure.message],
      ],
    ]),
  );
  response.writeHead(failure.status, {
    'content-type': 'application/xml',
    'content-length': body.length,
    ...(failure.retryAfterS === undefined ? {} : { 'retry-after': String(failure.retryAfterS) }),
  });
  response.end(message.method === 'HEAD' ? undefined : body);
}

function send(
  message: IncomingMessage,
  response: ServerResponse,
  answer: S3Answer,
  fault: S3Fault | undefined,
): void {
  const { status = 200, headers = {}, body: content = Buffer.alloc(0) } = answer;
  const body = Buffer.isBuffer(content) ? content : Buffer.from(toXml(content));
  const damaged = fault?.corrupt ? withFlippedBit(body) : body;
  const whole = fault?.shortenBytes === undefined ? damaged : damaged.subarray(0, fault.shortenBytes);
  const lengths = status === 204 ? {} : { 'content-length': whole.length };
  if (fault?.floodBytes !== undefined) {
    flood(response, fault.floodBytes);
    return;
  }
  response.writeHead(status, { ...headers, ...lengths, 'x-amz-request-id': 'emulated' });
  if (message.method === 'HEAD') response.end();
  else if (fault?.truncateBytes === undefined) response.end(whole);
  else response.write(whole.subarray(0, fault.truncateBytes), () => response.socket?.resetAndDestroy());
}

function flood(response: ServerResponse, bytes: number): void {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const chunks = Array.from({ length: Math.ceil(bytes / chunk.length) }, () => chunk);
  response.writeHead(200, { 'content-type': 'application/xml' });
  Readable.from(chunks).pipe(response);
}
