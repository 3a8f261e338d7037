/** Where and how each version of the API takes line protocol, and how it is told who asks. */
import type { TimeUnit } from '../../core/time-unit.ts';
import { basicAuth } from '../http/auth.ts';
import type { HttpHeaders } from '../http/options.ts';
import type { InfluxSinkOptions } from './options.ts';

const PRECISIONS: Readonly<Record<'v1' | 'v3', Readonly<Record<TimeUnit, string>>>> = {
  v1: { ns: 'n', us: 'u', ms: 'ms', s: 's' },
  v3: { ns: 'nanosecond', us: 'microsecond', ms: 'millisecond', s: 'second' },
};

export function writeUrl(base: URL, options: InfluxSinkOptions): URL {
  const { api = 'v1', db = '', rp, bucket = '', org = '', point, precision = 'ns' } = options;
  // Points that are made here have nanoseconds.
  const unit = point === undefined ? precision : 'ns';
  if (api === 'v2') return under(base, 'api/v2/write', { bucket, org, precision: unit });
  if (api === 'v3') return under(base, 'api/v3/write_lp', { db, precision: PRECISIONS.v3[unit] });
  return under(base, 'write', { db, precision: PRECISIONS.v1[unit], ...(rp === undefined ? {} : { rp }) });
}

export function queryUrl(base: URL, { db = '', rp }: InfluxSinkOptions): URL {
  return under(base, 'query', { db, epoch: 'ns', ...(rp === undefined ? {} : { rp }) });
}

function under(base: URL, path: string, parameters: Readonly<Record<string, string>>): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, '')}/${path}`;
  url.search = String(new URLSearchParams(parameters));
  return url;
}

/** Credentials travel in a header: servers and proxies write addresses into their logs. */
export function authHeaders({ api = 'v1', auth }: InfluxSinkOptions): HttpHeaders {
  if (auth === undefined) return {};
  if ('user' in auth) return { authorization: basicAuth(auth.user, auth.password) };
  return { authorization: `${api === 'v3' ? 'Bearer' : 'Token'} ${auth.token}` };
}
