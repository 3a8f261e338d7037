/** What an S3 store can be told, with every limit in its unit, and what it takes when it is told nothing. */
import type { Clock, Random } from '../core/clock.ts';
import { ConfigError } from '../core/errors.ts';
import { hidePassword } from './hide-password.ts';
import { checkKey } from './object-key.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** When they end; they are asked for again shortly before. */
  readonly expiration?: Date;
}

/** Encryption at rest, done by the server. `customer` needs https on most servers. */
export type S3Encryption =
  | { readonly kind: 'AES256' }
  | { readonly kind: 'aws:kms'; readonly keyId?: string; readonly bucketKey?: boolean }
  /** The 32 bytes are sent along with each request and never kept: without them nothing can be read. */
  | { readonly kind: 'customer'; readonly key: Uint8Array };

export interface S3StoreOptions {
  readonly bucket: string;
  /** Put before every key, such as `pipelines/a`; one data directory each. @default none */
  readonly prefix?: string;
  /** Of a server that is not AWS: `http://127.0.0.1:9000`. @default AWS, by the region */
  readonly endpoint?: string;
  /** @default what the SDK finds (AWS_REGION, the profile); `us-east-1` with an endpoint */
  readonly region?: string;
  /** The bucket in the path instead of in the host name. @default true with an endpoint */
  readonly pathStyle?: boolean;
  /**
   * `when-supported` sends a SHA-256 with each object, which the server checks and keeps. `when-required` is for
   * servers that know no such headers; then the payload hash of the signature alone guards the way there.
   * @default 'when-supported'
   */
  readonly checksums?: 'when-supported' | 'when-required';
  /** @default the SDK's chain: environment, profile, container and instance roles */
  readonly credentials?: S3Credentials | (() => Promise<S3Credentials>);
  /** @default what the bucket does by itself */
  readonly encryption?: S3Encryption;
  /** Such as STANDARD_IA. @default the server's */
  readonly storageClass?: string;
  /** Objects of this size and more are uploaded in parts. @default 33_554_432 (32 MiB) */
  readonly multipartBytes?: number;
  /** Size of a part: 5 MiB to 5 GiB. @default 8_388_608 (8 MiB) */
  readonly partBytes?: number;
  /** Parts of one upload that are under way at the same time. @default 4 */
  readonly partsInFlightMax?: number;
  /** Requests at the same time, each on a connection of its own. @default 64 */
  readonly socketsMax?: number;
  /** Larger objects are not read. @default 1_073_741_824 (1 GiB) */
  readonly objectBytesMax?: number;
  /** Until a connection stands. @default 3_000 */
  readonly connectTimeoutMs?: number;
  /** Until one request is answered in full; a body adds one second per MiB. @default 30_000 */
  readonly requestTimeoutMs?: number;
  /** How long one call may be tried again and again before it fails. @default 60_000 */
  readonly patienceMs?: number;
  /** Objects per page of a list: 1 to 1000. @default 1_000 */
  readonly pageKeys?: number;
  /** Age at which an upload that nobody finished is removed. @default 86_400_000 (a day) */
  readonly orphanAgeMs?: number;
  readonly clock: Clock;
  readonly random: Random;
}

const MIB = 1024 * 1024;

const DEFAULTS = {
  checksums: 'when-supported',
  multipartBytes: 32 * MIB,
  partBytes: 8 * MIB,
  partsInFlightMax: 4,
  socketsMax: 64,
  objectBytesMax: 1024 * MIB,
  connectTimeoutMs: 3_000,
  requestTimeoutMs: 30_000,
  patienceMs: 60_000,
  pageKeys: 1_000,
  orphanAgeMs: 86_400_000,
} as const;

/** Smallest and largest value of each number. */
const LIMITS = {
  multipartBytes: [5 * MIB, 5 * 1024 * MIB],
  partBytes: [5 * MIB, 5 * 1024 * MIB],
  partsInFlightMax: [1, 64],
  socketsMax: [1, 4_096],
  objectBytesMax: [1, 2 ** 40],
  connectTimeoutMs: [1, 600_000],
  requestTimeoutMs: [1, 3_600_000],
  patienceMs: [0, 86_400_000],
  pageKeys: [1, 1_000],
  orphanAgeMs: [0, 365 * 86_400_000],
} as const satisfies Partial<Record<keyof S3StoreOptions, readonly [number, number]>>;

export type S3Settings = Readonly<
  Required<
    Pick<S3StoreOptions, keyof typeof DEFAULTS | 'bucket' | 'prefix' | 'pathStyle' | 'clock' | 'random'>
  > &
    Pick<S3StoreOptions, 'endpoint' | 'region' | 'credentials' | 'encryption' | 'storageClass'>
>;

/**
 * The options with everything that was left out filled in; `prefix` ends with a slash, or is empty.
 * @throws ConfigError naming the option, what was found and what was expected
 */
export function resolveS3Options(options: S3StoreOptions): S3Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const settings: S3Settings = {
    ...DEFAULTS,
    pathStyle: options.endpoint !== undefined,
    ...(options.endpoint === undefined ? {} : { region: 'us-east-1' }),
    ...(given as unknown as S3StoreOptions),
    prefix: prefixOf(options.prefix),
  };
  checkBucket(settings.bucket);
  if (settings.endpoint !== undefined) checkEndpoint(settings.endpoint);
  if (settings.encryption?.kind === 'customer' && settings.encryption.key.length !== 32)
    throw bad('encryption.key', `${settings.encryption.key.length} bytes`, '32 bytes');
  if (settings.checksums !== 'when-supported' && settings.checksums !== 'when-required')
    throw bad('checksums', settings.checksums, 'when-supported or when-required');
  for (const [name, [min, max]] of Object.entries(LIMITS)) {
    const value = settings[name as keyof typeof LIMITS];
    if (!Number.isSafeInteger(value) || value < min || value > max)
      throw bad(name, value, `a whole number from ${min} to ${max}`);
  }
  return settings;
}

function prefixOf(prefix: string | undefined): string {
  const name = (prefix ?? '').replace(/\/+$/, '');
  if (name === '') return '';
  try {
    checkKey(name);
  } catch (cause) {
    throw bad('prefix', prefix, 'names separated by single slashes', cause);
  }
  return `${name}/`;
}

function checkBucket(bucket: unknown): void {
  const isName = typeof bucket === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(bucket);
  if (!isName) throw bad('bucket', bucket, '3 to 63 letters, digits, dots and dashes');
}

function checkEndpoint(endpoint: string): void {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw bad('endpoint', hidePassword(endpoint), 'an http or https URL');
  if (url.username !== '' || url.password !== '') throw bad('endpoint', 'a URL with a password', 'one without');
}

function bad(option: string, found: unknown, expected: string, cause?: unknown): ConfigError {
  return new ConfigError(
    `s3Store.${option}`,
    `found ${JSON.stringify(found)}, expected ${expected}`,
    'Correct the option.',
    cause,
  );
}
