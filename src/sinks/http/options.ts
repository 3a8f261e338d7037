/** How any sink over HTTP reaches its server. */
import type { Clock } from '../../core/clock.ts';
import { ConfigError } from '../../core/errors.ts';

export const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Sent with every request; a function is asked for each of them, so that tokens can be renewed. */
export type HttpAuth =
  | { readonly bearer: string }
  | { readonly user: string; readonly password: string }
  | (() => HttpHeaders | Promise<HttpHeaders>);

export type HttpHeaders = Readonly<Record<string, string>>;

export interface HttpConnectionOptions {
  /** Requests at the same time; more wait. @default 8 */
  readonly connectionsMax?: number;
  /** Without an answer for as long, the outcome is unknown; 0 leaves it to the tier. Milliseconds. @default 30000 */
  readonly timeoutMs?: number;
  /** @default 'none' */
  readonly compression?: Compression;
  /** Smaller bodies are not compressed. @default 1024 */
  readonly compressBytesMin?: number;
  /** Certificates in PEM, for servers and clients that are not known by themselves. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Measures the timeout, and dates Retry-After. @default none: only the tier's own deadline holds */
  readonly clock?: Pick<Clock, 'schedule' | 'wallNow'>;
}

/** @throws ConfigError for what is no address of a server, or has credentials in it */
export function parseServerUrl(text: string, path = 'url'): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // Not the text itself: what was pasted there may hold a password.
    throw new ConfigError(
      path,
      'expected a URL that begins with http:// or https://',
      'For example http://db:8086.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new ConfigError(path, 'holds a user or a password', 'Give them as an option of their own.');
  }
  return url;
}

/** @throws ConfigError */
export function checkConnection(options: HttpConnectionOptions): void {
  checkCount('connectionsMax', options.connectionsMax, 1);
  checkCount('timeoutMs', options.timeoutMs, 0);
  checkCount('compressBytesMin', options.compressBytesMin, 0);
  const { compression } = options;
  if (compression !== undefined && !COMPRESSIONS.includes(compression)) {
    throw new ConfigError(
      'compression',
      `found ${JSON.stringify(compression)}`,
      `Use one of ${COMPRESSIONS.join(', ')}.`,
    );
  }
}

/** @throws ConfigError when it is there and is no whole number from `least` on */
export function checkCount(path: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
  throw new ConfigError(
    path,
    `expected a whole number from ${least} on, found ${value}`,
    'Leave it out for the default.',
  );
}
