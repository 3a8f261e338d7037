/**
 * Requests to S3, one method each, on the SDK of AWS: the only file that knows it. Nothing here waits or tries again;
 * what fails is an S3Fault.
 *
 * The package is an optional peer: it is loaded with the first request, and a store nobody uses needs none.
 */
import { Readable } from 'node:stream';
import type * as Sdk from '@aws-sdk/client-s3';
import { ConfigError } from '../core/errors.ts';
import { S3Fault, toS3Fault } from './s3-fault.ts';
import { isShort, limitAnswer, readObject } from './s3-limit.ts';
import type { S3Encryption, S3Settings } from './s3-options.ts';
import type { ByteRange } from './store.ts';

/** A client of the SDK, for who builds on it. */
export type SdkClient = Sdk.S3Client;

/** Metadata of our objects: the digest of the bytes, and which call stored them. */
const SHA256_FIELD = 'tierfall-sha256';
const ATTEMPT_FIELD = 'tierfall-attempt';

export interface S3PutRequest {
  readonly key: string;
  readonly body: Uint8Array;
  /** Of the body, 64 hex digits. */
  readonly sha256: string;
  /** Names the call, so that it recognises its own object. */
  readonly attempt: string;
  /** Sends the condition that the key must not be there. */
  readonly ifAbsent: boolean;
}

export interface S3Head {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly sha256: string | undefined;
  readonly attempt: string | undefined;
}

export interface S3Page<T> {
  readonly items: readonly T[];
  /** Asks for the next page; undefined at the last one. */
  readonly next: string | undefined;
}

export interface S3ListedObject {
  /** With the prefix of the store. */
  readonly key: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface S3OpenUpload {
  readonly key: string;
  readonly id: string;
  readonly initiatedMs: number;
}

interface Loaded {
  readonly sdk: typeof Sdk;
  readonly client: SdkClient;
}

async function loadSdk(): Promise<typeof Sdk> {
  try {
    return await import('@aws-sdk/client-s3');
  } catch (cause) {
    throw missingPackage('@aws-sdk/client-s3', cause);
  }
}

/** What to say when an optional peer is not there. */
export function missingPackage(name: string, cause: unknown): ConfigError {
  return new ConfigError(
    's3Store',
    `needs the package ${name}, which cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
    'Install it beside tierfall: npm install @aws-sdk/client-s3 @aws-sdk/lib-storage',
    cause,
  );
}

export class S3Client {
  readonly #settings: S3Settings;
  #loading: Promise<Loaded> | undefined;
  /** Of the last answer, by the server's clock; 0 before the first one. */
  serverTimeMs = 0;

  constructor(settings: S3Settings) {
    this.#settings = settings;
  }

  async put(request: S3PutRequest, signal: AbortSignal): Promise<void> {
    const { key, body, sha256, ifAbsent } = request;
    const { checksums } = this.#settings;
    await this.#send(
      ({ PutObjectCommand }) =>
        new PutObjectCommand({
          ...this.objectParams(key, sha256, request.attempt),
          Body: body,
          ContentLength: body.length,
          ...(ifAbsent ? { IfNoneMatch: '*' } : {}),
          ...(checksums === 'when-supported'
            ? { ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64') }
            : {}),
        }),
      signal,
    );
  }

  /** What every object of ours is stored with, whether at once or in parts. */
  objectParams(key: string, sha256: string, attempt: string) {
    const { bucket, encryption, storageClass } = this.#settings;
    return {
      Bucket: bucket,
      Key: key,
      ContentType: key.endsWith('.json') ? 'application/json' : 'application/vnd.apache.parquet',
      Metadata: { [SHA256_FIELD]: sha256, [ATTEMPT_FIELD]: attempt },
      ...encryptionParams(encryption),
      ...(storageClass === undefined ? {} : { StorageClass: storageClass as Sdk.StorageClass }),
    };
  }

  async get(
    key: string,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly body: Uint8Array; readonly sha256: string | undefined }> {
    const answer = await this.#send(
      ({ GetObjectCommand }) =>
        new GetObjectCommand({
          ...this.#readParams(key),
          ...(range ? { Range: `bytes=${range.start}-${range.end - 1}` } : {}),
        }),
      signal,
    );
    const stream = (answer.Body ?? Readable.from([])) as Readable;
    const { objectBytesMax } = this.#settings;
    const body = await this.#translated(() => readObject(stream, answer.ContentLength, objectBytesMax));
    if (range) checkLength(body, answer.ContentRange);
    return { body, sha256: answer.Metadata?.[SHA256_FIELD] };
  }

  async head(key: string, signal: AbortSignal): Promise<S3Head> {
    const answer = await this.#send(
      ({ HeadObjectCommand }) => new HeadObjectCommand(this.#readParams(key)),
      signal,
    );
    return {
      bytes: answer.ContentLength ?? 0,
      modifiedMs: answer.LastModified?.getTime() ?? 0,
      sha256: answer.Metadata?.[SHA256_FIELD],
      attempt: answer.Metadata?.[ATTEMPT_FIELD],
    };
  }

  /** @param after a key; @param token of the page before; one of them at most */
  async list(
    prefix: string,
    from: { readonly after?: string; readonly token?: string },
    signal: AbortSignal,
  ): Promise<S3Page<S3ListedObject>> {
    const { bucket, pageKeys } = this.#settings;
    const answer = await this.#send(
      ({ ListObjectsV2Command }) =>
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          MaxKeys: pageKeys,
          // XML cannot carry every character that a key can.
          EncodingType: 'url',
          ...(from.token === undefined ? {} : { ContinuationToken: from.token }),
          ...(from.after === undefined ? {} : { StartAfter: from.after }),
        }),
      signal,
    );
    const isEncoded = answer.EncodingType === 'url';
    const items = (answer.Contents ?? []).map(({ Key = '', Size = 0, LastModified }) => ({
      key: isEncoded ? decodeURIComponent(Key.replaceAll('+', '%20')) : Key,
      bytes: Size,
      modifiedMs: LastModified?.getTime() ?? 0,
    }));
    return { items, next: answer.IsTruncated ? answer.NextContinuationToken : undefined };
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    const params = { Bucket: this.#settings.bucket, Key: key };
    await this.#send(({ DeleteObjectCommand }) => new DeleteObjectCommand(params), signal);
  }

  /** Uploads in parts that are neither completed nor aborted. */
  async listUploads(
    prefix: string,
    from: S3OpenUpload | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly items: readonly S3OpenUpload[]; readonly isLast: boolean }> {
    const answer = await this.#send(
      ({ ListMultipartUploadsCommand }) =>
        new ListMultipartUploadsCommand({
          Bucket: this.#settings.bucket,
          Prefix: prefix,
          ...(from ? { KeyMarker: from.key, UploadIdMarker: from.id } : {}),
        }),
      signal,
    );
    const items = (answer.Uploads ?? []).map(({ Key = '', UploadId = '', Initiated }) => ({
      key: Key,
      id: UploadId,
      initiatedMs: Initiated?.getTime() ?? Number.POSITIVE_INFINITY,
    }));
    return { items, isLast: !answer.IsTruncated || items.length === 0 };
  }

  async abortUpload({ key, id }: S3OpenUpload, signal: AbortSignal): Promise<void> {
    const params = { Bucket: this.#settings.bucket, Key: key, UploadId: id };
    await this.#send(({ AbortMultipartUploadCommand }) => new AbortMultipartUploadCommand(params), signal);
  }

  /**
   * A client of the SDK that hands each command to `send`, together with how to carry it out once.
   * @throws S3Fault, as what is carried out does
   */
  async clientSending(
    send: (name: string, once: (signal: AbortSignal) => Promise<unknown>) => Promise<unknown>,
  ): Promise<SdkClient> {
    const { client } = await this.#load();
    const through = (command: Parameters<SdkClient['send']>[0]): Promise<unknown> =>
      send(command.constructor.name, (signal) =>
        this.#translated(async () => (await this.#load()).client.send(command, { abortSignal: signal })),
      );
    return Object.create(client, { send: { value: through } }) as SdkClient;
  }

  /** The next request builds a client anew, and so asks for credentials anew; those that run go on with the old one. */
  forget(): void {
    this.#loading = undefined;
  }

  /** Lets go of connections; the next request opens new ones. */
  async close(): Promise<void> {
    const loading = this.#loading;
    this.forget();
    (await loading?.catch(() => undefined))?.client.destroy();
  }

  async #send<I extends object, O extends object>(
    make: (sdk: typeof Sdk) => SdkCommand<I, O>,
    signal: AbortSignal,
  ): Promise<O> {
    const { sdk, client } = await this.#load();
    // The overloads of `send` cannot be met by a command that is generic.
    const send = client.send.bind(client) as unknown as (
      command: SdkCommand<I, O>,
      options: { readonly abortSignal: AbortSignal },
    ) => Promise<O>;
    return this.#translated(() => send(make(sdk), { abortSignal: signal }));
  }

  async #translated<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw toS3Fault(error);
    }
  }

  #readParams(key: string) {
    const { bucket, encryption } = this.#settings;
    const params = { Bucket: bucket, Key: key };
    return encryption?.kind === 'customer' ? { ...params, ...encryptionParams(encryption) } : params;
  }

  #load(): Promise<Loaded> {
    this.#loading ??= this.#open().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #open(): Promise<Loaded> {
    const sdk = await loadSdk();
    const client = new sdk.S3Client(clientConfig(this.#settings));
    client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName === 'PutObjectCommand') signKnownDigest(args.input, args.request);
          return next(args);
        },
      { step: 'build', name: 'tierfallKnownDigest' },
    );
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const result = await next(args);
          this.#readServerTime(result.response);
          if (commandName !== 'GetObjectCommand') limitBody(result.response);
          return result;
        },
      { step: 'deserialize', name: 'tierfallServerTime', priority: 'low' },
    );
    return { sdk, client };
  }

  #readServerTime(response: unknown): void {
    const { headers } = response as { readonly headers?: Readonly<Record<string, string>> };
    const timeMs = Date.parse(headers?.['date'] ?? '');
    if (timeMs > 0) this.serverTimeMs = timeMs;
  }
}

interface SdkCommand<I extends object, O extends object> {
  readonly input: I;
  /** Of the SDK's own types, so that the kind of the answer is known. */
  resolveMiddleware(...args: never[]): (args: never) => Promise<{ output: O }>;
}

function limitBody(response: unknown): void {
  const answer = response as { body?: unknown; readonly headers?: Readonly<Record<string, string>> };
  if (!(answer.body instanceof Readable) || isShort(answer.headers?.['content-length'])) return;
  answer.body = limitAnswer(answer.body);
}

/** The digest is known, so that signing need not compute it a second time. */
function signKnownDigest(input: object, request: unknown): void {
  const { Metadata } = input as { readonly Metadata?: Readonly<Record<string, string>> };
  const { headers } = request as { readonly headers: Record<string, string> };
  const sha256 = Metadata?.[SHA256_FIELD];
  if (sha256 !== undefined) headers['x-amz-content-sha256'] = sha256;
}

function clientConfig(settings: S3Settings): Sdk.S3ClientConfig {
  const { endpoint, region, credentials, socketsMax, connectTimeoutMs } = settings;
  const checksums = settings.checksums === 'when-supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  const agent = { maxSockets: socketsMax };
  return {
    forcePathStyle: settings.pathStyle,
    // Tries and waits are s3-patience.ts's.
    maxAttempts: 1,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    requestHandler: { connectionTimeout: connectTimeoutMs, httpAgent: agent, httpsAgent: agent },
    // With it the SDK opens a new connection for every body of more than 2 MiB.
    expectContinueHeader: false,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function encryptionParams(encryption: S3Encryption | undefined) {
  switch (encryption?.kind) {
    case undefined:
      return {};
    case 'AES256':
      return { ServerSideEncryption: 'AES256' as const };
    case 'aws:kms':
      return {
        ServerSideEncryption: 'aws:kms' as const,
        ...(encryption.keyId === undefined ? {} : { SSEKMSKeyId: encryption.keyId }),
        ...(encryption.bucketKey === undefined ? {} : { BucketKeyEnabled: encryption.bucketKey }),
      };
    case 'customer':
      return {
        SSECustomerAlgorithm: 'AES256',
        SSECustomerKey: Buffer.from(encryption.key).toString('base64'),
      };
  }
}

/** A server or proxy that cuts an answer short and says that it is whole. */
function checkLength(body: Uint8Array, contentRange: string | undefined): void {
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(contentRange ?? '') ?? [];
  if (first === undefined || last === undefined) throw new S3Fault('corrupt', 'the answer is no range');
  const expected = Number(last) - Number(first) + 1;
  if (body.length !== expected) throw new S3Fault('corrupt', `${body.length} of ${expected} bytes arrived`);
}
