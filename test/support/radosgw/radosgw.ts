/** Starts radosgw, the S3 server of Ceph, for the tests of one file; takes two to six seconds. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { explainMissing, findMissingServers, SERVERS } from '../../../scripts/servers.ts';
import { freePort, ServerProcess, UNPRIVILEGED } from '../server-process.ts';
import { type CephLayout, cephConfig } from './ceph-config.ts';

const execute = promisify(execFile);
const FOLDERS = ['run', 'log', 'mon', 'osd', 'rgw'];

export interface RunningS3 {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

/** Registers a store with the monitor; Ceph's own command for it takes seconds to start. */
const REGISTER_STORE = `
import json, rados, sys
cluster = rados.Rados(conffile=sys.argv[1], name='client.admin')
cluster.connect(timeout=20)
code, _, words = cluster.mon_command(json.dumps({'prefix': 'osd new', 'uuid': sys.argv[2]}), b'')
sys.exit(words if code else 0)
`;

class Ceph {
  readonly #layout: CephLayout;
  readonly #config: string;
  readonly #options: { cwd: string; env: Record<string, string>; uid?: number; gid?: number };
  readonly #running: ServerProcess[] = [];

  constructor(layout: CephLayout) {
    const { directory } = layout;
    this.#layout = layout;
    this.#config = join(directory, 'ceph.conf');
    const env = { PATH: process.env['PATH'] ?? '', HOME: directory, CEPH_ARGS: `-c ${this.#config}` };
    this.#options = { cwd: directory, env, ...UNPRIVILEGED };
  }

  async start(accessKeyId: string, secretAccessKey: string): Promise<void> {
    await this.#prepare();
    const storeId = randomUUID();
    this.#spawn('mon', 'ceph-mon', '-f', '-i', 'a');
    await Promise.all([
      this.#run('ceph-osd', '--mkfs', '-i', '0', '--osd-uuid', storeId, '--no-mon-config'),
      this.#run('/usr/bin/python3', '-c', REGISTER_STORE, this.#config, storeId),
    ]);
    // The gateway's first request waits for seconds when the store is not active yet.
    const store = this.#spawn('osd', 'ceph-osd', '-f', '-i', '0');
    const socket = join(this.#layout.directory, 'run', `osd.0.${store.pid}.asok`);
    await store.ready(async () => (await askSocket(socket, 'status'))['state'] === 'active');
    const gateway = this.#spawn('rgw', 'radosgw', '-f', '-n', 'client.rgw');
    await gateway.ready(async () => (await fetch(`http://127.0.0.1:${this.#layout.gatewayPort}/`)).status > 0);
    const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`];
    const user = ['user', 'create', '--uid=test', '--display-name=test', ...keys];
    await this.#run('radosgw-admin', '-n', 'client.rgw', ...user);
  }

  async stop(): Promise<void> {
    for (const server of this.#running.reverse()) await server.stop();
    await rm(this.#layout.directory, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const { directory, fsid, monitorPort } = this.#layout;
    for (const folder of ['.', ...FOLDERS]) {
      await mkdir(join(directory, folder), { recursive: true });
      const { uid, gid } = UNPRIVILEGED;
      if (uid !== undefined && gid !== undefined) await chown(join(directory, folder), uid, gid);
    }
    await writeFile(this.#config, cephConfig(this.#layout));
    const keyring = join(directory, 'keyring');
    const map = join(directory, 'monmap');
    const addKey = (name: string, ...caps: readonly string[]): Promise<unknown> =>
      this.#run(
        'ceph-authtool',
        keyring,
        '-n',
        name,
        '-g',
        ...caps.flatMap((cap) => ['--cap', ...cap.split('=')]),
      );
    await this.#run('ceph-authtool', '-C', keyring);
    await addKey('mon.', 'mon=allow *');
    await addKey('client.admin', 'mon=allow *', 'osd=allow *', 'mgr=allow *');
    await addKey('client.rgw', 'mon=allow *', 'osd=allow *');
    await addKey('osd.0', 'mon=allow profile osd', 'osd=allow *');
    await this.#run(
      'monmaptool',
      '--create',
      '--fsid',
      fsid,
      '--addv',
      'a',
      `[v2:127.0.0.1:${monitorPort}]`,
      map,
    );
    await this.#run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring);
  }

  #run(command: string, ...args: readonly string[]): Promise<unknown> {
    return execute(command, args, this.#options);
  }

  #spawn(name: string, command: string, ...args: readonly string[]): ServerProcess {
    const log = join(this.#layout.directory, 'log', `${name}.out`);
    const server = new ServerProcess({ name, command, args, options: this.#options, log });
    this.#running.push(server);
    return server;
  }
}

/** A command to an admin socket of Ceph: one JSON line there, a length and JSON back. */
function askSocket(path: string, prefix: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(path, () => socket.write(`${JSON.stringify({ prefix })}\0`));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      try {
        resolve(JSON.parse(Buffer.concat(chunks).subarray(4).toString()) as Record<string, unknown>);
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** @throws Error that says what to install when radosgw is not there */
export async function startRadosgw(): Promise<RunningS3> {
  const missing = findMissingServers(
    process.env,
    SERVERS.filter(({ programs }) => programs.includes('radosgw')),
  );
  if (missing.length > 0) throw new Error(explainMissing(missing));
  const keys = { accessKeyId: 'AKIATEST', secretAccessKey: 'test-secret' };
  const gatewayPort = await freePort();
  // Short, because its sockets lie in it.
  const directory = await mkdtemp(join(tmpdir(), 'tf-rgw-'));
  const ceph = new Ceph({ directory, fsid: randomUUID(), monitorPort: await freePort(), gatewayPort });
  try {
    await ceph.start(keys.accessKeyId, keys.secretAccessKey);
  } catch (error) {
    await ceph.stop();
    throw error;
  }
  return { endpoint: `http://127.0.0.1:${gatewayPort}`, ...keys, stop: () => ceph.stop() };
}
