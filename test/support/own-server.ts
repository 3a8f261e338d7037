/** A server process of a test in a directory of its own, without privileges, which can be killed and started again. */
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explainMissing, findMissingServers, SERVERS } from '../../scripts/servers.ts';
import { freePort, ServerProcess, UNPRIVILEGED } from './server-process.ts';

export interface OwnServerPlan {
  readonly command: string;
  /** @default 'http' */
  readonly scheme?: string;
  /** Writes what it needs, which the server then owns. @returns its arguments */
  prepare(directory: string, port: number): Promise<readonly string[]>;
  isReady(url: string, port: number): Promise<boolean>;
}

export interface OwnServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  signal(name: NodeJS.Signals): void;
  /** As a crash would. */
  kill(): Promise<void>;
  /** On the same port and directory. */
  start(): Promise<void>;
}

/** @param name as in the list of servers. @throws Error that says what to install when it is not there */
export async function startOwnServer(name: string, plan: OwnServerPlan): Promise<OwnServer> {
  const wanted = SERVERS.filter((server) => server.name === name);
  const missing = findMissingServers({ PATH: process.env['PATH'] }, wanted);
  if (wanted.length === 0 || missing.length > 0) throw new Error(explainMissing(missing));
  const directory = await mkdtemp(join(tmpdir(), `tierfall-${plan.command}-`));
  const port = await freePort();
  const args = await plan.prepare(directory, port);
  const { uid, gid } = UNPRIVILEGED;
  if (uid !== undefined && gid !== undefined)
    for (const name of ['.', ...(await readdir(directory))]) await chown(join(directory, name), uid, gid);
  const url = `${plan.scheme ?? 'http'}://127.0.0.1:${port}`;
  const launch = async (): Promise<ServerProcess> => {
    const options = { cwd: directory, env: { ...process.env, HOME: directory }, ...UNPRIVILEGED };
    const log = join(directory, 'log');
    const server = new ServerProcess({ name, command: plan.command, args, options, log });
    await server.ready(() => plan.isReady(url, port));
    return server;
  };
  let running: ServerProcess | undefined = await launch();
  return {
    url,
    port,
    directory,
    signal: (signal) => void process.kill(running?.pid ?? 0, signal),
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
      await running?.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
