/** Credentials as headers, and as what must never be shown. */
import { ConfigError } from '../../core/errors.ts';
import type { HttpAuth, HttpHeaders } from './options.ts';

export function basicAuth(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** @throws whatever the user's function throws */
export async function headersOfAuth(auth: HttpAuth | undefined): Promise<HttpHeaders> {
  if (auth === undefined) return {};
  if (typeof auth === 'function') return auth();
  if ('bearer' in auth) return { authorization: `Bearer ${auth.bearer}` };
  return { authorization: basicAuth(auth.user, auth.password) };
}

/** What a server might quote. */
export function secretsOfAuth(auth: HttpAuth | undefined): readonly string[] {
  if (auth === undefined || typeof auth === 'function') return [];
  if ('bearer' in auth) return [auth.bearer];
  return [auth.password, basicAuth(auth.user, auth.password).slice('Basic '.length)];
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** @throws ConfigError naming the header, never its value */
export function checkHeaders(headers: HttpHeaders, path = 'headers'): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name))
      throw new ConfigError(path, `${JSON.stringify(name)} cannot name a header`, 'Rename it.');
    if (!HEADER_VALUE.test(value)) {
      throw new ConfigError(
        `${path}.${name}`,
        'holds what a header cannot',
        'Use printable characters on one line.',
      );
    }
  }
}
