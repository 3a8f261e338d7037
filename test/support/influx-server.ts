/** The InfluxDB 1.x that tests write to: one of their own that can be killed, or that of `INFLUX_URL`. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type OwnServer, startOwnServer } from './own-server.ts';
import { freePort } from './server-process.ts';

export interface InfluxServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** A database that no other test uses. */
  database(): Promise<string>;
  /** The first result of a query, as its series; whole numbers are bigints. */
  query(db: string, q: string): Promise<readonly InfluxSeries[]>;
  /** Kills it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again with what it had. */
  start(): Promise<void>;
}

export interface InfluxSeries {
  readonly name: string;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

/** @throws Error that says what to install when there is none */
export async function startInflux(): Promise<InfluxServer> {
  const { INFLUX_URL } = process.env;
  if (INFLUX_URL) return influxAt(INFLUX_URL, undefined);
  const rpc = await freePort();
  const own = await startOwnServer('InfluxDB 1.x', {
    command: 'influxd',
    prepare: async (directory, port) => {
      const settings = join(directory, 'influx.conf');
      await writeFile(settings, settingsOf(directory, port, rpc));
      return ['-config', settings];
    },
    isReady: async (url) => (await fetch(`${url}/ping`)).status === 204,
  });
  return influxAt(own.url, own);
}

function influxAt(url: string, own: OwnServer | undefined): InfluxServer {
  const query = async (db: string, q: string): Promise<readonly InfluxSeries[]> => {
    const body = new URLSearchParams({ db, q, epoch: 'ns' });
    const text = await (await fetch(`${url}/query`, { method: 'POST', body })).text();
    const { results, error } = parseExactly(text);
    const [first] = results ?? [];
    if (error !== undefined || first?.error !== undefined) throw new Error(`${q.slice(0, 200)}: ${text}`);
    return first?.series ?? [];
  };
  return {
    url,
    port: Number(new URL(url).port),
    query,
    database: async () => {
      const name = `test_${randomUUID().replaceAll('-', '')}`;
      await query('', `CREATE DATABASE "${name}"`);
      return name;
    },
    kill: async () => own?.kill(),
    start: async () => own?.start(),
    [Symbol.asyncDispose]: async () => own?.[Symbol.asyncDispose](),
  };
}

interface Answer {
  readonly results?: readonly { readonly series?: readonly InfluxSeries[]; readonly error?: string }[];
  readonly error?: string;
}

function parseExactly(text: string): Answer {
  return JSON.parse(text, (_name, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source ?? '';
    return typeof value === 'number' && /^-?\d+$/.test(source) ? BigInt(source) : value;
  });
}

function settingsOf(directory: string, port: number, rpc: number): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
dir = "${directory}/meta"
[data]
dir = "${directory}/data"
wal-dir = "${directory}/wal"
wal-fsync-delay = "0s"
max-values-per-tag = 0
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
[continuous_queries]
enabled = false
`;
}
