/** A Redis Cluster of primaries on this machine, with all slots dealt out. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type RedisServer, startRedis } from './redis-server.ts';
import { freePort } from './server-process.ts';

const SLOTS = 16_384;
const FORMED_WITHIN_MS = 30_000;

export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
  readonly urls: readonly string[];
}

export async function startRedisCluster(count: number): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  const dispose = async (): Promise<void> => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
  };
  try {
    const busPorts: number[] = [];
    for (let at = 0; at < count; at += 1) {
      // By default it is the port and 10000, which may be none.
      const busPort = await freePort();
      busPorts.push(busPort);
      const bus = ['--cluster-port', `${busPort}`, '--cluster-announce-ip', '127.0.0.1'];
      nodes.push(await startRedis({ args: ['--cluster-enabled', 'yes', ...bus] }));
    }
    await form(nodes, busPorts);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { nodes, urls: nodes.map(({ url }) => url), [Symbol.asyncDispose]: dispose };
}

async function form(nodes: readonly RedisServer[], busPorts: readonly number[]): Promise<void> {
  const clients = nodes.map((node) => node.client());
  const share = Math.ceil(SLOTS / nodes.length);
  for (const [at, client] of clients.entries()) {
    const last = Math.min(SLOTS, (at + 1) * share) - 1;
    await client.call('CLUSTER', 'ADDSLOTSRANGE', at * share, last);
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
    if (at > 0) await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', nodes[at]?.port ?? 0, busPorts[at] ?? 0);
  }
  const untilMs = performance.now() + FORMED_WITHIN_MS;
  for (const client of clients) {
    for (;;) {
      const info = String(await client.call('CLUSTER', 'INFO'));
      if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`)) break;
      if (performance.now() > untilMs) throw new Error(`the cluster did not form:\n${info}`);
      await sleep(20);
    }
  }
}
