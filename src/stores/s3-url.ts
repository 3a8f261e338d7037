/**
 * An S3 store as one line of text, for the command line and for config files:
 *
 *   s3://bucket/prefix?endpoint=http://127.0.0.1:9000&checksums=when-required
 *
 * Credentials have no place in it: it is shown, logged and remembered.
 */
import { ConfigError } from '../core/errors.ts';
import { hidePassword } from './hide-password.ts';
import type { S3Encryption, S3StoreOptions } from './s3-options.ts';

export type S3UrlOptions = Omit<S3StoreOptions, 'clock' | 'random' | 'credentials'>;

const TEXTS = [
  'endpoint',
  'region',
  'checksums',
  'storageClass',
] as const satisfies readonly (keyof S3UrlOptions)[];
const NUMBERS = [
  'multipartBytes',
  'partBytes',
  'partsInFlightMax',
  'socketsMax',
  'objectBytesMax',
  'connectTimeoutMs',
  'requestTimeoutMs',
  'patienceMs',
  'pageKeys',
  'orphanAgeMs',
] as const satisfies readonly (keyof S3UrlOptions)[];
const OTHERS = ['pathStyle', 'encryption', 'kmsKeyId'] as const;
const NAMES: readonly string[] = [...TEXTS, ...NUMBERS, ...OTHERS];

/**
 * The options that a URL spells; whether their values are in range is checked by whoever uses them.
 * @throws ConfigError naming the parameter at fault
 */
export function parseS3Url(text: string): S3UrlOptions {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 's3:' || url.hostname === '')
    throw bad('', text, 's3://BUCKET/PREFIX?endpoint=…&region=…');
  if (url.username !== '' || url.password !== '' || url.port !== '')
    throw bad(
      '',
      's3://…@…',
      'no credentials and no port: they are found in the environment, the endpoint is a parameter',
    );
  const given = parametersOf(url);
  const { encryption, kmsKeyId, pathStyle } = given;
  const prefix = decodeURIComponent(url.pathname).replace(/^\//, '');
  return {
    bucket: url.hostname,
    ...(prefix === '' ? {} : { prefix }),
    ...pick(TEXTS, given, (value) => value),
    ...pick(NUMBERS, given, toNumber),
    ...(pathStyle === undefined ? {} : { pathStyle: toBoolean(pathStyle) }),
    ...(encryption === undefined && kmsKeyId === undefined
      ? {}
      : { encryption: toEncryption(encryption ?? 'aws:kms', kmsKeyId) }),
  };
}

function parametersOf(url: URL): Readonly<Record<string, string>> {
  const given: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (!NAMES.includes(name)) throw bad(name, name, `one of ${NAMES.join(', ')}`);
    if (given[name] !== undefined) throw bad(name, value, 'it once');
    given[name] = value;
  }
  return given;
}

function pick<T>(
  names: readonly string[],
  given: Readonly<Record<string, string>>,
  convert: (value: string, name: string) => T,
): Record<string, T> {
  const found = names.filter((name) => given[name] !== undefined);
  return Object.fromEntries(found.map((name) => [name, convert(given[name] ?? '', name)]));
}

function toNumber(value: string, name: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw bad(name, value, 'a whole number');
}

function toBoolean(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw bad('pathStyle', value, 'true or false');
}

function toEncryption(kind: string, keyId: string | undefined): S3Encryption {
  if (kind === 'AES256' && keyId === undefined) return { kind };
  if (kind === 'aws:kms') return keyId === undefined ? { kind } : { kind, keyId };
  throw bad('encryption', kind, 'AES256, or aws:kms with or without kmsKeyId');
}

function bad(name: string, found: string, expected: string): ConfigError {
  return new ConfigError(
    name === '' ? 'store' : `store?${name}`,
    `found ${JSON.stringify(hidePassword(found))}, expected ${expected}`,
    'For example s3://bucket/pipelines/a?region=eu-central-1.',
  );
}
