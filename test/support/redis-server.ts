/** The Redis that tests talk to: one of their own that can be killed and started again, or the one of `REDIS_URL`. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Redis } from 'ioredis';
import { type OwnServer, startOwnServer } from './own-server.ts';

export interface RedisOptions {
  /** @default 'noeviction' */
  readonly maxmemoryPolicy?: string;
  /** What a Sentinel watches, as lines of its configuration; the server then is one. */
  readonly sentinel?: string;
  /** More arguments of redis-server. */
  readonly args?: readonly string[];
  /** Speaks TLS only, with this certificate and its key. */
  readonly tls?: Certificate;
}

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface RedisServer extends OwnServer {
  /** Another client, closed with the server. */
  client(): Redis;
}

/** A namespace that no other test uses. */
export function freshNamespace(): string {
  return `test-${randomUUID()}`;
}

/** `REDIS_URL`, or a server of its own, for tests that only talk to it. */
export async function sharedRedis(): Promise<Pick<RedisServer, 'url' | 'client'> & AsyncDisposable> {
  const { REDIS_URL: url } = process.env;
  if (!url) return startRedis();
  const clients: Redis[] = [];
  const client = (): Redis => trackedClient(url, clients);
  return {
    url,
    client,
    [Symbol.asyncDispose]: async () => {
      for (const open of clients) open.disconnect();
    },
  };
}

/** A server of its own, which keeps its data in an append-only file. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { maxmemoryPolicy = 'noeviction', args = [], sentinel, tls } = options;
  const keep = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];
  const memory = ['--maxmemory', '256mb', '--maxmemory-policy', maxmemoryPolicy];
  const server = await startOwnServer('Redis', {
    command: 'redis-server',
    scheme: tls ? 'rediss' : 'redis',
    prepare: async (directory, port) => {
      if (sentinel !== undefined) {
        const settings = join(directory, 'sentinel.conf');
        await writeFile(settings, `port ${port}\nbind 127.0.0.1\ndir ${directory}\n${sentinel}`);
        return [settings, '--sentinel'];
      }
      const ports = tls ? await tlsArguments(tls, directory, port) : ['--port', `${port}`];
      return [
        ...ports,
        '--bind',
        '127.0.0.1',
        '--dir',
        directory,
        '--daemonize',
        'no',
        ...keep,
        ...memory,
        ...args,
      ];
    },
    isReady: (_, port) => answersPing(port, tls),
  });
  const clients: Redis[] = [];
  return {
    ...server,
    client: () => trackedClient(server.url, clients, tls),
    [Symbol.asyncDispose]: async () => {
      for (const open of clients) open.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

function trackedClient(url: string, clients: Redis[], tls?: Certificate): Redis {
  const client = new Redis(url, tls ? { tls: { ca: tls.certificate } } : {});
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

async function tlsArguments(tls: Certificate, directory: string, port: number): Promise<string[]> {
  const files = { certificate: join(directory, 'server.crt'), key: join(directory, 'server.key') };
  for (const name of ['certificate', 'key'] as const) await writeFile(files[name], tls[name]);
  const { certificate, key } = files;
  const identity = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate];
  return ['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no', ...identity];
}

function answersPing(port: number, tls: Certificate | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = (): unknown => socket.write('PING\r\n');
    const where = { host: '127.0.0.1', port };
    const socket = tls ? connectTls({ ...where, ca: tls.certificate }, ping) : connect(where, ping);
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => done(data.toString().startsWith('+PONG')));
    socket.once('error', () => done(false));
  });
}
