/**
 * Records to any HTTP endpoint. Three files carry it: the client says whether bytes had left, the table of failures says what
 * an answer means, parts keep requests small.
 *
 * E1 rows are in when a 2xx was read whole and the caller's `readAnswer`, if there is one, names none of them. E2 the
 * Idempotency-Key of a request is made of the keys of its rows: the same rows are sent under the same key, on every attempt
 * and every replay. E3 no secret is in a name or an error.
 */
import { createHash } from 'node:crypto';
import type { Column } from '../core/columns.ts';
import { ConfigError, SinkError } from '../core/errors.ts';
import { REASONS, type Reason } from '../core/reason.ts';
import { rowIndices } from '../core/row-set.ts';
import { columnsByName, readable } from './described-cells.ts';
import { checkHeaders, headersOfAuth, secretsOfAuth } from './http/auth.ts';
import { type HttpAnswer, HttpClient } from './http/client.ts';
import { HttpFaults, reasonOfAnswer } from './http/failure.ts';
import {
  checkConnection,
  checkCount,
  type HttpAuth,
  type HttpConnectionOptions,
  type HttpHeaders,
  parseServerUrl,
} from './http/options.ts';
import { type Part, partsOf, sendParts } from './http/parts.ts';
import { recordsOf } from './request-input.ts';
import type { RowFailure } from './row-failures.ts';
import type { Sink, WriteRequest, WriteResult } from './sink.ts';

/** What the caller's own reading of an answer is given. */
export interface HttpSinkAnswer {
  readonly status: number;
  readonly headers: HttpAnswer['headers'];
  /** The body, as text. */
  readonly text: string;
  /** Rows that the request carried. */
  readonly rows: number;
}

/** Undefined leaves the answer to the table; a reason is of all rows; `failed` names those that did not land. */
export type HttpSinkVerdict =
  | Reason
  | {
      readonly failed: readonly { readonly index: number; readonly reason: Reason; readonly detail?: string }[];
    }
  | undefined;

export interface HttpSinkOptions extends HttpConnectionOptions {
  readonly url: string;
  /** @default 'POST' */
  readonly method?: 'POST' | 'PUT' | 'PATCH';
  readonly headers?: HttpHeaders;
  readonly auth?: HttpAuth;
  /**
   * `ndjson`: a JSON object per line; `json`: one array of them; `bytes`: the rows as they were received, untouched.
   * Integers beyond 2^53 are written with all their digits, timestamps of a schema as ISO 8601, bytes as base64.
   * @default 'ndjson'
   */
  readonly body?: 'ndjson' | 'json' | 'bytes';
  /** Member of each JSON object that its key is put into, for targets that tell rows apart by it. @default none */
  readonly keyField?: string;
  /** Header with the key of the request; false sends none. @default 'Idempotency-Key' */
  readonly idempotencyHeader?: string | false;
  /**
   * Whether the target stores a row once that is sent twice. A target that goes by the Idempotency-Key alone does so only
   * with `rowsMax: 1`: after a partial failure or a restart the same row may travel with others. @default false
   */
  readonly idempotent?: boolean;
  /** Rows of one request. @default 1000 */
  readonly rowsMax?: number;
  /** Bytes of one request before compression; a row that is larger travels alone. @default 4194304 */
  readonly bytesMax?: number;
  /** Reads an answer that has failures of single rows in it, or a success that is none. */
  readonly readAnswer?: (answer: HttpSinkAnswer) => HttpSinkVerdict;
  /** Which of these keys the target holds; lets replay skip them. @default none: replay writes again */
  readonly lookup?: (keys: readonly string[]) => Promise<ReadonlySet<string>>;
  /** @default `http:` and the host: a path may be a secret */
  readonly name?: string;
}

const ROWS_MAX = 1_000;
const BYTES_MAX = 4 * 1024 * 1024;
/** An answer with a word for each row is long. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const CONTENT_TYPES = {
  ndjson: 'application/x-ndjson',
  json: 'application/json',
  bytes: 'application/octet-stream',
};

/** @throws ConfigError naming the option at fault */
export function httpSink(options: HttpSinkOptions): Sink {
  const url = checkOptions(options);
  const { lookup } = options;
  const writer = new HttpWriter(options, url);
  return {
    name: writer.name,
    accepts: options.body === 'bytes' ? 'bytes' : 'records',
    idempotent: options.idempotent ?? false,
    settlesOnAbort: true,
    write: (request) => writer.write(request),
    ...(lookup && { lookup: (keys: readonly string[]) => writer.lookup(lookup, keys) }),
    reset: async () => writer.client.reset(),
    close: async () => writer.client.close(),
  };
}

function checkOptions(options: HttpSinkOptions): URL {
  const url = parseServerUrl(options.url);
  checkConnection(options);
  checkHeaders(options.headers ?? {});
  checkCount('rowsMax', options.rowsMax, 1);
  checkCount('bytesMax', options.bytesMax, 1);
  if (options.body === 'bytes' && options.keyField !== undefined) {
    throw new ConfigError('keyField', 'has no place in bytes that are not touched', "Use body: 'ndjson'.");
  }
  return url;
}

class HttpWriter {
  readonly name: string;
  readonly client: HttpClient;
  readonly #options: HttpSinkOptions;
  readonly #url: URL;
  readonly #faults: HttpFaults;

  constructor(options: HttpSinkOptions, url: URL) {
    this.name = options.name ?? `http:${url.host}`;
    this.client = new HttpClient(url.protocol, options);
    this.#options = options;
    this.#url = url;
    const secrets = [...secretsOfAuth(options.auth), ...Object.values(options.headers ?? {}).filter(isLong)];
    this.#faults = new HttpFaults(this.name, secrets, options.clock);
  }

  async write(request: WriteRequest): Promise<WriteResult | undefined> {
    const { rowsMax = ROWS_MAX, bytesMax = BYTES_MAX } = this.#options;
    if (request.signal.aborted) throw new SinkError('unavailable', `${this.name}: aborted before the call`);
    const rows = this.#encode(request);
    const parts = partsOf(rows.map(sizeOf), rowsMax, bytesMax);
    return sendParts(parts, request, rows.length, (part) => this.#send(request, rows, part));
  }

  async lookup(
    ask: NonNullable<HttpSinkOptions['lookup']>,
    keys: readonly string[],
  ): Promise<ReadonlySet<string>> {
    try {
      return await ask(keys);
    } catch (cause) {
      if (cause instanceof SinkError) throw cause;
      throw new SinkError(
        'unavailable',
        `${this.name}: the lookup failed: ${this.#faults.clean(String(cause))}`,
        {
          cause,
        },
      );
    }
  }

  #encode(request: WriteRequest): readonly Uint8Array[] {
    const { batch, rows } = request;
    if (this.#options.body === 'bytes')
      return rowIndices(rows, batch.rowCount).map((row) => batch.frame.row(row));
    const { keyField } = this.#options;
    const columns = columnsByName(request);
    return recordsOf(request, this.name).map((record, position) => {
      const own = keyField === undefined ? [] : [memberOf(keyField, request.keys[position])];
      const members = Object.keys(record).filter((name) => name !== keyField);
      return Buffer.from(
        `{${[...own, ...members.map((name) => memberOf(name, record[name], columns.get(name)))].join(',')}}`,
      );
    });
  }

  async #send(request: WriteRequest, rows: readonly Uint8Array[], part: Part): Promise<readonly RowFailure[]> {
    const headers = await this.#headersOf(request, part);
    const { method = 'POST', body = 'ndjson' } = this.#options;
    const some = rows.slice(part.start, part.end);
    const bytes = body === 'json' ? joined(some, '[', ',', ']') : joined(some, '', '\n', '\n');
    const answerBytesMax = this.#options.readAnswer ? ANSWER_BYTES_MAX : undefined;
    const call = { method, url: this.#url, headers, body: bytes, signal: request.signal };
    const answer = await this.client
      .send({ ...call, ...(answerBytesMax && { answerBytesMax }) })
      .catch((error: unknown) => {
        throw this.#faults.ofSilence(error);
      });
    return this.#judge(answer, part);
  }

  async #headersOf(request: WriteRequest, part: Part): Promise<HttpHeaders> {
    const { auth, body = 'ndjson', headers, idempotencyHeader = 'Idempotency-Key' } = this.#options;
    const own = idempotencyHeader === false ? {} : { [idempotencyHeader]: requestKey(request, part) };
    const mode = request.mode === 'upgrade' ? { 'tierfall-mode': 'upgrade' } : {};
    try {
      const secret = await headersOfAuth(auth);
      checkHeaders(secret, 'auth');
      // A server quotes the value with its scheme or without.
      this.#faults.hide(
        Object.values(secret)
          .flatMap((value) => value.split(' '))
          .filter(isLong),
      );
      return { 'content-type': CONTENT_TYPES[body], ...headers, ...own, ...mode, ...secret };
    } catch (cause) {
      throw new SinkError('unauthorised', `${this.name}: there are no credentials to send`, { cause });
    }
  }

  #judge(answer: HttpAnswer, part: Part): readonly RowFailure[] {
    const rows = part.end - part.start;
    const verdict = this.#ask(answer, rows);
    if (typeof verdict === 'object') {
      return verdict.failed.map(({ index, reason, detail }) => {
        if (!Number.isInteger(index) || index < 0 || index >= rows || !REASONS.includes(reason)) {
          throw new SinkError(
            'ambiguous',
            `${this.name}: readAnswer named row ${index} of ${rows} as ${reason}`,
          );
        }
        const words = detail === undefined ? {} : { detail: this.#faults.clean(detail) };
        return { position: part.start + index, reason, ...words };
      });
    }
    const reason = verdict ?? reasonOfAnswer(answer);
    if (reason !== undefined) throw this.#faults.ofAnswer(answer, reason);
    return [];
  }

  #ask(answer: HttpAnswer, rows: number): HttpSinkVerdict {
    const { readAnswer } = this.#options;
    if (readAnswer === undefined || answer.isCut) return undefined;
    // Of half an answer nothing can be said.
    if (answer.isLong) return 'ambiguous';
    const { status, headers, body } = answer;
    try {
      return readAnswer({ status, headers, rows, text: Buffer.from(body).toString() });
    } catch (cause) {
      throw new SinkError('ambiguous', `${this.name}: readAnswer threw: ${this.#faults.clean(String(cause))}`, {
        cause,
      });
    }
  }
}

/** Short values are words like `en`, which errors may say. */
function isLong(value: string): boolean {
  return value.length >= 8;
}

/** E2: of one row its own key; of several a digest, which differs for an upgrade: its answer must not be the insert's. */
function requestKey({ keys, mode }: WriteRequest, { start, end }: Part): string {
  const suffix = mode === 'upgrade' ? ':upgrade' : '';
  const [only = ''] = keys.slice(start, start + 1);
  // A key that a header cannot carry is sent as its digest too.
  if (end - start === 1 && /^[\x21-\x7e]+$/.test(only)) return `${only}${suffix}`;
  const hash = createHash('sha256');
  for (const key of keys.slice(start, end)) hash.update(`${Buffer.byteLength(key)}:`).update(key);
  return `${hash.digest('hex').slice(0, 32)}${suffix}`;
}

function memberOf(name: string, value: unknown, column?: Column): string {
  // JSON text has line breaks between its tokens only.
  const isJson = column?.type === 'json' && typeof value === 'string';
  const json = isJson ? value.replaceAll(/[\r\n]+/g, ' ') : jsonOf(readable(value, column));
  return `${JSON.stringify(name)}:${json}`;
}

/** JSON as it is, but for integers of 64 bits, which keep all their digits, and bytes, which become base64. */
function jsonOf(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'));
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(',')}]`;
  if (typeof value === 'object' && value !== null && !('toJSON' in value)) {
    return `{${Object.entries(value)
      .map(([name, inner]) => memberOf(name, inner))
      .join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

function joined(rows: readonly Uint8Array[], head: string, separator: string, tail: string): Uint8Array {
  const [first, between, last] = [head, separator, tail].map((text) => Buffer.from(text)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  return Buffer.concat([first, ...rows.flatMap((row, at) => (at === 0 ? [row] : [between, row])), last]);
}

function sizeOf(row: Uint8Array): number {
  return row.length + 1;
}
