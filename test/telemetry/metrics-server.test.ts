import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/errors.ts';
import {
  type MetricsServer,
  type MetricsServerOptions,
  serveMetrics,
} from '../../src/telemetry/metrics-server.ts';

const open: MetricsServer[] = [];
async function start(options: Partial<MetricsServerOptions> = {}): Promise<MetricsServer> {
  const server = await serveMetrics({
    port: 0,
    render: () => 'a{x="1"} 1\n',
    health: () => ({ ok: true }),
    ...options,
  });
  open.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

describe('metrics server', () => {
  it('serves the metrics as Prometheus text on the loopback address by default', async () => {
    const { url, host } = await start();
    const response = await fetch(`${url}/metrics?name=x`);
    expect([host, response.status, await response.text()]).toEqual(['127.0.0.1', 200, 'a{x="1"} 1\n']);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('answers 200 when healthy and 503 when not, also when asking throws', async () => {
    let health: () => { ok: boolean; tier?: string } = () => ({ ok: true });
    const { url } = await start({ health: () => health() });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    health = () => ({ ok: false, tier: 'primary' });
    const sick = await fetch(`${url}/healthz`);
    expect([sick.status, await sick.json()]).toEqual([503, { ok: false, tier: 'primary' }]);
    health = () => {
      throw new Error('canary-secret');
    };
    const broken = await fetch(`${url}/healthz`);
    expect([broken.status, await broken.text()]).toEqual([503, '{"ok":false}\n']);
  });

  it('shows no detail of a failure to render', async () => {
    const { url } = await start({ render: () => Promise.reject(new Error('canary-secret')) });
    const response = await fetch(`${url}/metrics`);
    expect([response.status, await response.text()]).toEqual([500, 'Internal error\n']);
  });

  it('answers nothing but GET and HEAD of its two paths', async () => {
    const { url } = await start();
    const status = async (path: string, method = 'GET'): Promise<number> =>
      (await fetch(url + path, { method })).status;
    expect(await status('/metrics', 'HEAD')).toBe(200);
    expect(await status('/')).toBe(404);
    expect(await status('/metrics/../etc')).toBe(404);
    expect(await status('/metrics', 'POST')).toBe(405);
  });

  it('refuses a port in use with an error that names the option and what to do', async () => {
    const { port } = await start();
    const error = await start({ port }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ path: 'metrics.port', message: `metrics.port: port ${port} is in use` });
  });

  it.each([-1, 1.5, 65_536, Number.NaN])('refuses port %s', async (port) => {
    await expect(start({ port })).rejects.toMatchObject({ path: 'metrics.port' });
  });

  it('refuses an address that is not of this machine', async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toMatchObject({ path: 'metrics.host' });
  });

  it('closes at once although a client holds its connection open, and twice', async () => {
    const server = await start();
    const socket = connect(server.port, server.host);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await server.close();
    await server.close();
    await ended;
    await expect(fetch(`${server.url}/metrics`)).rejects.toThrow();
  });
});
