/**
 * `/metrics` and `/healthz` over plain HTTP, for Prometheus and for probes. It answers nothing else, reads no
 * bodies and gives no details of its own failures.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from '../core/errors.ts';
import { METRICS_CONTENT_TYPE } from './metrics.ts';

/** What `/healthz` answers: 200 when `ok`, else 503; the other fields are shown as JSON. */
export interface Health {
  readonly ok: boolean;
  readonly [detail: string]: unknown;
}

export interface MetricsServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** Prometheus text, made at every scrape. */
  readonly render: () => string | Promise<string>;
  readonly health: () => Health | Promise<Health>;
}

export interface MetricsServer {
  readonly host: string;
  /** The port in use, also when 0 was asked for. */
  readonly port: number;
  readonly url: string;
  /** Stops listening and drops open connections; safe to call twice. */
  close(): Promise<void>;
}

const TIMEOUT_MS = 5_000;
const CONNECTIONS_MAX = 64;

/**
 * Starts the server; resolves when it listens.
 * @throws ConfigError naming `metrics.port` or `metrics.host` when that cannot be listened on
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const { port, host = '127.0.0.1' } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError('metrics.port', `found ${port}, expected 0 to 65535`, 'Use 0 for any free port.');
  }
  const server = createServer(
    { headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS, keepAliveTimeout: TIMEOUT_MS },
    (request, response) => void answer(request, response, options),
  );
  server.setTimeout(2 * TIMEOUT_MS);
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, port, host);
  const bound = (server.address() as AddressInfo).port;
  const urlHost = host.includes(':') ? `[${host}]` : host;
  return { host, port: bound, url: `http://${urlHost}:${bound}`, close: () => close(server) };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, port, host)));
    server.listen(port, host, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, port: number, host: string): ConfigError {
  if (error.code === 'EADDRINUSE') {
    return new ConfigError(
      'metrics.port',
      `port ${port} is in use`,
      'Stop what listens there, or use another port (0 takes any).',
      error,
    );
  }
  if (error.code === 'EACCES') {
    return new ConfigError(
      'metrics.port',
      `port ${port} may not be used`,
      'Use a port of 1024 or above.',
      error,
    );
  }
  return new ConfigError(
    'metrics.host',
    `cannot listen on ${host} (${error.code ?? error.message})`,
    'Use an address of this machine, such as 127.0.0.1.',
    error,
  );
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: MetricsServerOptions,
): Promise<void> {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  const path = (request.url ?? '').split('?', 1)[0];
  if (path !== '/metrics' && path !== '/healthz') return send(response, 404, 'text/plain', 'Not found\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return send(response, 405, 'text/plain', 'Method not allowed\n');
  }
  try {
    if (path === '/metrics') return send(response, 200, METRICS_CONTENT_TYPE, await options.render());
    const health = await options.health();
    return send(response, health.ok ? 200 : 503, 'application/json', `${JSON.stringify(health)}\n`);
  } catch {
    // The text of an error may hold a path or a secret; probes need only the status.
    return path === '/healthz'
      ? send(response, 503, 'application/json', '{"ok":false}\n')
      : send(response, 500, 'text/plain', 'Internal error\n');
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
