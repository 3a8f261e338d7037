/**
 * A real HTTP server that keeps records by their key, as a target of `httpSink` would: it stores a key once, answers a request
 * key that it knows with the answer it gave then, and names rows that it does not take.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Certificate } from '../redis-server.ts';

export interface RecordServerOptions {
  /** A record that is named as refused. @default none */
  readonly refuses?: (record: Readonly<Record<string, unknown>>) => boolean;
  readonly tls?: Certificate;
  /** Stores whatever comes, as often as it comes: a target without keys. @default false */
  readonly appends?: boolean;
}

export interface SeenRequest {
  readonly headers: IncomingMessage['headers'];
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: Buffer;
}

export interface RecordServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly rows: Map<string, Readonly<Record<string, unknown>>>;
  readonly seen: readonly SeenRequest[];
  /** How many sockets were opened. */
  readonly connections: number;
  /** The keys of what was stored, in order; one that is there twice is a duplicate. */
  readonly stored: readonly string[];
  /** The next requests are answered by these, in turn, instead. */
  answerNext(...answers: readonly ((response: ServerResponse) => void)[]): void;
}

const KEY = 'key';

export async function recordServer(options: RecordServerOptions = {}): Promise<RecordServer> {
  const server = new HttpRecordServer(options);
  await server.listen();
  return server;
}

class HttpRecordServer implements RecordServer {
  readonly rows = new Map<string, Readonly<Record<string, unknown>>>();
  readonly seen: SeenRequest[] = [];
  connections = 0;
  readonly stored: string[] = [];
  port = 0;
  readonly #options: RecordServerOptions;
  readonly #answers: ((response: ServerResponse) => void)[] = [];
  readonly #given = new Map<string, string>();
  readonly #server: Server;

  constructor(options: RecordServerOptions) {
    this.#options = options;
    const { tls } = options;
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#serve(request, response);
    this.#server = tls
      ? createTlsServer({ cert: tls.certificate, key: tls.key }, serve)
      : createServer({ keepAliveTimeout: 60_000 }, serve);
    this.#server.on('connection', () => {
      this.connections += 1;
    });
  }

  get url(): string {
    return `http${this.#options.tls ? 's' : ''}://127.0.0.1:${this.port}/records`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  answerNext(...answers: readonly ((response: ServerResponse) => void)[]): void {
    this.#answers.push(...answers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const { headers, method, url } = request;
    const body = unpacked(Buffer.concat(chunks), headers['content-encoding']);
    this.seen.push({ headers, method, url, body });
    const told = this.#answers.shift();
    if (told) return told(response);
    const requestKey = String(headers['idempotency-key']);
    const known = this.#options.appends ? undefined : this.#given.get(requestKey);
    const answer = known ?? this.#take(body, headers['tierfall-mode'] === 'upgrade');
    this.#given.set(requestKey, answer);
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  }

  #take(body: Buffer, isUpgrade: boolean): string {
    const failed: unknown[] = [];
    for (const [index, line] of body.toString().trimEnd().split('\n').entries()) {
      const record = parseExactly(line);
      const key = String(record[KEY]);
      if (this.#options.refuses?.(record)) failed.push({ index, reason: 'refused', detail: 'too much' });
      else this.#store(key, record, isUpgrade);
    }
    return JSON.stringify({ failed });
  }

  #store(key: string, record: Readonly<Record<string, unknown>>, isUpgrade: boolean): void {
    const isHeld = this.rows.has(key);
    if (!isHeld || this.#options.appends) this.stored.push(key);
    if (!isHeld || isUpgrade) this.rows.set(key, record);
  }
}

function unpacked(body: Buffer, encoding: string | undefined): Buffer {
  if (encoding === 'gzip') return gunzipSync(body);
  return encoding === 'zstd' ? zstdDecompressSync(body) : body;
}

/** JSON whose integers beyond 2^53 are bigints, and whose `__proto__` is a name like any other. */
function parseExactly(line: string): Readonly<Record<string, unknown>> {
  return JSON.parse(line, (_name, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source ?? '';
    return typeof value === 'number' && /^-?\d+$/.test(source) ? BigInt(source) : value;
  });
}
