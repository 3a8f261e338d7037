/**
 * HTTP for sinks: one pool of connections to one server, and an account of each request that says whether bytes had left.
 * Node's own client rather than `fetch`, which hides when a request was written.
 *
 * H1 a request that fails before its connection stood, TLS included, was not sent: `isSent` is false, and only then. H2 an
 * answer is read up to a limit, beyond which it `isLong`; one that ends early `isCut`. H3 nothing is sent twice, and no redirect is followed. H4
 * `reset` never touches requests under way: they end on their old connections. H5 every call settles soon after its signal
 * is aborted.
 */
import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { linkAbort } from '../../core/signal.ts';
import { compressBody } from './compress.ts';
import type { HttpConnectionOptions, HttpHeaders } from './options.ts';

export interface HttpCall {
  readonly method: string;
  readonly url: URL;
  readonly headers: HttpHeaders;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
  /** More of an answer is not read. @default 65536 */
  readonly answerBytesMax?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
  /** The connection ended within it. */
  readonly isCut: boolean;
  /** It is longer than was asked for; what is beyond is not read. */
  readonly isLong: boolean;
}

/** No answer came. `cause` says why; the outcome is unknown when the request was sent. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly isSent: boolean;

  constructor(isSent: boolean, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.isSent = isSent;
  }
}

export const CONNECTIONS_MAX = 8;
export const TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 64 * 1024;
const COMPRESS_BYTES_MIN = 1024;

interface Pool {
  readonly agent: Agent;
  active: number;
  isRetired: boolean;
}

export class HttpClient {
  readonly #options: HttpConnectionOptions;
  readonly #isTls: boolean;
  #pool: Pool;
  #isClosed = false;

  constructor(protocol: string, options: HttpConnectionOptions) {
    this.#options = options;
    this.#isTls = protocol === 'https:';
    this.#pool = this.#openPool();
  }

  /** @throws NoAnswer; nothing else */
  async send(call: HttpCall): Promise<HttpAnswer> {
    if (this.#isClosed) throw new NoAnswer(false, new Error('the sink is closed'));
    if (call.signal.aborted) throw new NoAnswer(false, call.signal.reason);
    const { compression = 'none', compressBytesMin = COMPRESS_BYTES_MIN } = this.#options;
    if (call.body === undefined || compression === 'none' || call.body.length < compressBytesMin) {
      return this.#exchange(call);
    }
    const body = await compressBody(call.body, compression);
    return this.#exchange({ ...call, body, headers: { ...call.headers, 'content-encoding': compression } });
  }

  /** The next request is sent on a fresh connection. */
  reset(): void {
    const pool = this.#pool;
    this.#pool = this.#openPool();
    pool.isRetired = true;
    if (pool.active === 0) pool.agent.destroy();
  }

  /** Requests under way end; new ones are refused. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.reset();
  }

  #openPool(): Pool {
    const { connectionsMax: maxSockets = CONNECTIONS_MAX, tls } = this.#options;
    const settings = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets, scheduling: 'lifo' as const };
    const agent = this.#isTls ? new TlsAgent({ ...settings, ...tls }) : new Agent(settings);
    return { agent, active: 0, isRetired: false };
  }

  async #exchange(call: HttpCall): Promise<HttpAnswer> {
    const pool = this.#pool;
    pool.active += 1;
    try {
      return await exchange(call, pool.agent, this.#isTls, this.#options);
    } finally {
      pool.active -= 1;
      if (pool.isRetired && pool.active === 0) pool.agent.destroy();
    }
  }
}

function exchange(
  { method, url, headers, body, signal, answerBytesMax = ANSWER_BYTES_MAX }: HttpCall,
  agent: Agent,
  isTls: boolean,
  { timeoutMs = TIMEOUT_MS, clock }: HttpConnectionOptions,
): Promise<HttpAnswer> {
  return new Promise<HttpAnswer>((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const request = (isTls ? requestHttps : requestHttp)(url, {
      method,
      headers: { ...headers, ...length },
      agent,
    });
    const sending = watchSending(request);
    const stopWaiting =
      timeoutMs === 0 || clock === undefined
        ? () => undefined
        : clock.schedule(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    const unlink = linkAbort(signal, (reason) => request.destroy(asError(reason)));
    const settle = (): void => {
      unlink();
      stopWaiting();
    };
    request.once('error', (error) => {
      settle();
      reject(new NoAnswer(sending.isSent, error));
    });
    request.once('response', (response) => {
      readAnswer(response, answerBytesMax).then((answer) => {
        settle();
        resolve(answer);
      }, reject);
    });
    request.end(body);
  });
}

/** Whether the request was on a connection that stood, so that bytes of it may have left. */
function watchSending(request: ClientRequest): { readonly isSent: boolean } {
  const sending = { isSent: false };
  request.once('socket', (socket: Socket & { readonly encrypted?: boolean }) => {
    if (request.reusedSocket || !socket.connecting) sending.isSent = request.reusedSocket || !socket.encrypted;
    if (sending.isSent) return;
    socket.once(socket.encrypted ? 'secureConnect' : 'connect', () => {
      sending.isSent = true;
    });
  });
  return sending;
}

function readAnswer(response: IncomingMessage, bytesMax: number): Promise<HttpAnswer> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const finish = (isComplete: boolean): void => {
      const { statusCode: status = 0, headers } = response;
      const isLong = bytes > bytesMax;
      const body = Buffer.concat(chunks).subarray(0, bytesMax);
      resolve({ status, headers, body, isLong, isCut: !isComplete && !isLong });
    };
    response.on('data', (chunk: Uint8Array) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > bytesMax) response.destroy();
    });
    response.once('error', () => finish(false));
    response.once('close', () => finish(response.complete));
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason ?? 'aborted'));
}
