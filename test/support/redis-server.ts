/** The Redis that tests talk to: one of their own that can be killed and started again, or the one of `REDIS_URL`. */
import { randomUUID } from 'node:crypto';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Redis } from 'ioredis';
import { explainMissing, findMissingServers, SERVERS } from '../../scripts/servers.ts';
import { freePort, ServerProcess, UNPRIVILEGED } from './server-process.ts';

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

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Where it keeps its data. */
  readonly directory: string;
  /** Another client, closed with the server. */
  client(): Redis;
  signal(name: NodeJS.Signals): void;
  /** Kills it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port and directory. */
  start(): Promise<void>;
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
  const missing = findMissingServers(
    { PATH: process.env['PATH'] },
    SERVERS.filter(({ name }) => name === 'Redis'),
  );
  if (missing.length > 0) throw new Error(explainMissing(missing));
  const directory = await mkdtemp(join(tmpdir(), 'tierfall-redis-'));
  const { uid, gid } = UNPRIVILEGED;
  if (uid !== undefined && gid !== undefined) await chown(directory, uid, gid);
  const port = await freePort();
  const { maxmemoryPolicy = 'noeviction', args = [], sentinel, tls } = options;
  const url = `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`;
  const clients: Redis[] = [];
  const ports = tls ? await tlsArguments(tls, directory, port) : ['--port', `${port}`];
  const listen = [...ports, '--bind', '127.0.0.1', '--dir', directory, '--daemonize', 'no'];
  const keep = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];
  const memory = ['--maxmemory', '256mb', '--maxmemory-policy', maxmemoryPolicy];
  const settings = join(directory, 'sentinel.conf');
  if (sentinel !== undefined) {
    // A Sentinel writes into its configuration, so it must own it.
    await writeFile(settings, `port ${port}\nbind 127.0.0.1\ndir ${directory}\n${sentinel}`);
    if (uid !== undefined && gid !== undefined) await chown(settings, uid, gid);
  }
  const launch = async (): Promise<ServerProcess> => {
    const server = new ServerProcess({
      name: 'redis-server',
      command: 'redis-server',
      args: sentinel === undefined ? [...listen, ...keep, ...memory, ...args] : [settings, '--sentinel'],
      options: { cwd: directory, ...UNPRIVILEGED },
      log: join(directory, 'log'),
    });
    await server.ready(() => answersPing(port, tls));
    return server;
  };
  let running: ServerProcess | undefined = await launch();
  return {
    url,
    port,
    directory,
    client: () => trackedClient(url, clients, tls),
    signal: (name) => void process.kill(running?.pid ?? 0, name),
    kill: async () => {
      const dying = running;
      running = undefined;
      process.kill(dying?.pid ?? 0, 'SIGKILL');
      await dying?.stop();
    },
    start: async () => {
      running ??= await launch();
    },
    [Symbol.asyncDispose]: async () => {
      for (const open of clients) open.disconnect();
      await running?.stop();
      await rm(directory, { recursive: true, force: true });
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
  for (const name of ['certificate', 'key'] as const) {
    await writeFile(files[name], tls[name]);
    const { uid, gid } = UNPRIVILEGED;
    if (uid !== undefined && gid !== undefined) await chown(files[name], uid, gid);
  }
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
