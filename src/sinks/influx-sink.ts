/**
 * Points to InfluxDB 1.x, 2.x and 3.x, and to what speaks like them.
 *
 * N1 a point is told from others by measurement, tags and time, and by nothing else: the same point sent again is there once,
 * with the values that came last. That is the whole of the idempotency here. A row without a time is therefore refused, or the
 * sink is not idempotent. N2 line protocol is sent byte for byte; a whole batch that fits into one request is its body itself.
 * N3 a refused request is taken apart until each line has landed or has the server's words for it. N4 no secret is in a
 * name, an address or an error.
 *
 * Not said here: when a server is durable. InfluxDB 1.x answers after its log is written; VictoriaMetrics before anything is,
 * and it answers bad lines with a success.
 */
import { SinkError } from '../core/errors.ts';
import { HttpClient, NoAnswer } from './http/client.ts';
import { HttpFaults, reasonOfAnswer } from './http/failure.ts';
import { type Part, partsOf, sendParts } from './http/parts.ts';
import { authHeaders, queryUrl, writeUrl } from './influx/endpoint.ts';
import { type Reply, writeIsolated } from './influx/isolate.ts';
import { hasTime, linesOf, wholeBody } from './influx/lines.ts';
import { heldIn, KEYS_AT_ONCE, lookupQuery, spelledKey } from './influx/lookup.ts';
import { checkInfluxOptions, type InfluxPoint, type InfluxSinkOptions } from './influx/options.ts';
import { type Encoded, encodePoints } from './influx/point.ts';
import { recordsOf } from './request-input.ts';
import type { RowFailure } from './row-failures.ts';
import type { Sink, WriteRequest, WriteResult } from './sink.ts';

export type { InfluxApi, InfluxFieldType, InfluxPoint, InfluxSinkOptions } from './influx/options.ts';

const ROWS_MAX = 5_000;
const BYTES_MAX = 4 * 1024 * 1024;
/** A refusal quotes lines, and a lookup names each key that is held. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const NO_TIME = 'the point has no time: sent again it would be another point';

/** @throws ConfigError naming the option at fault */
export function influxSink(options: InfluxSinkOptions): Sink {
  const base = checkInfluxOptions(options);
  const writer = new InfluxWriter(options, base);
  const { api = 'v1', point, retentionMs } = options;
  const own = point?.key;
  const canLookUp = api === 'v1' && own !== undefined && options.lookup !== false;
  return {
    name: writer.name,
    accepts: point === undefined ? 'bytes' : 'records',
    idempotent: !(options.serverTime ?? false),
    settlesOnAbort: true,
    ...(retentionMs === undefined ? {} : { retentionMs }),
    write: (request) => writer.write(request),
    ...(canLookUp && { lookup: (keys: readonly string[]) => writer.lookup(point as InfluxPoint, own, keys) }),
    reset: async () => writer.client.reset(),
    close: async () => writer.client.close(),
  };
}

const NEVER = new AbortController().signal;

class InfluxWriter {
  readonly name: string;
  readonly client: HttpClient;
  readonly #options: InfluxSinkOptions;
  readonly #base: URL;
  readonly #url: URL;
  readonly #faults: HttpFaults;

  constructor(options: InfluxSinkOptions, base: URL) {
    const { auth, db, bucket, clock } = options;
    this.name = options.name ?? `influx:${db ?? bucket}`;
    this.client = new HttpClient(base.protocol, options);
    this.#options = options;
    this.#base = base;
    this.#url = writeUrl(base, options);
    const { authorization } = authHeaders(options);
    const secret = auth === undefined ? undefined : 'token' in auth ? auth.token : auth.password;
    this.#faults = new HttpFaults(this.name, [secret, authorization?.split(' ')[1]], clock);
  }

  async write(request: WriteRequest): Promise<WriteResult | undefined> {
    if (request.signal.aborted) throw new SinkError('unavailable', `${this.name}: aborted before the call`);
    const { rowsMax = ROWS_MAX, bytesMax = BYTES_MAX } = this.#options;
    const encoded = this.#encode(request);
    const faults = encoded.flatMap((row, position) =>
      'fault' in row ? [{ position, reason: 'refused', detail: `${this.name}: ${row.fault}` }] : [],
    );
    const lines = encoded.map((row) => ('line' in row ? row.line : NOTHING));
    const sizes = lines.map((line) => line.length + 1);
    const parts = partsOf(sizes, rowsMax, bytesMax);
    const body =
      parts.length === 1 && faults.length === 0 && !this.#options.point ? wholeBody(request) : undefined;
    return sendParts(parts, request, encoded.length, async (part) => {
      const own = faults.filter(({ position }) => position >= part.start && position < part.end);
      return [...own, ...(await this.#sendPart(request, lines, part, body))];
    });
  }

  async lookup(
    point: InfluxPoint,
    own: NonNullable<InfluxPoint['key']>,
    keys: readonly string[],
  ): Promise<ReadonlySet<string>> {
    const held = new Set<string>();
    for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
      const some = keys.slice(at, at + KEYS_AT_ONCE);
      const spelled = heldIn(await this.#query(lookupQuery(point, own, some)), own, this.name);
      for (const key of some) if (spelled.has(spelledKey(own, key))) held.add(key);
    }
    return held;
  }

  #encode(request: WriteRequest): readonly Encoded[] {
    const { point, serverTime = false } = this.#options;
    if (point !== undefined) return encodePoints(point, recordsOf(request, this.name), request);
    return linesOf(request, this.name).map((line) =>
      serverTime || hasTime(line)
        ? { line: Buffer.from(line.buffer, line.byteOffset, line.length) }
        : { fault: NO_TIME },
    );
  }

  #sendPart(
    request: WriteRequest,
    lines: readonly Buffer[],
    { start, end }: Part,
    body: Uint8Array | undefined,
  ): Promise<readonly RowFailure[]> | readonly RowFailure[] {
    const positions: number[] = [];
    for (let at = start; at < end; at += 1) if (lines[at] !== NOTHING) positions.push(at);
    if (positions.length === 0) return [];
    const post = (some: readonly number[]): Promise<Reply> => {
      const whole = some.length === lines.length ? body : undefined;
      return this.#post(whole ?? joined(some.map((at) => lines[at] ?? NOTHING)), request.signal);
    };
    const isIdempotent = !(this.#options.serverTime ?? false);
    return writeIsolated(positions, { post, lines, isIdempotent, clean: (words) => this.#said(words) });
  }

  async #post(body: Uint8Array, signal: AbortSignal): Promise<Reply> {
    const headers = { 'content-type': 'text/plain; charset=utf-8', ...authHeaders(this.#options) };
    const call = { method: 'POST', url: this.#url, headers, body, signal, answerBytesMax: ANSWER_BYTES_MAX };
    const answer = await this.client.send(call).catch((error: unknown) => {
      throw this.#faults.ofSilence(error);
    });
    const reason = reasonOfAnswer(answer);
    if (reason === undefined) return undefined;
    const text = Buffer.from(answer.body).toString();
    // 1.x answers 500 to a retention policy that is not there.
    if (answer.status === 500 && text.includes('retention policy not found')) {
      throw this.#faults.ofAnswer(answer, 'missing-target');
    }
    const fault = this.#faults.ofAnswer(answer, reason);
    // Half a refusal may be of a write that landed in part.
    if (answer.isCut || answer.isLong) throw this.#faults.ofAnswer(answer, 'ambiguous');
    if (reason !== 'refused') throw fault;
    return { refused: text, detail: fault.message };
  }

  async #query(query: string): Promise<string> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', ...authHeaders(this.#options) };
    const body = Buffer.from(String(new URLSearchParams({ q: query })));
    const url = queryUrl(this.#base, this.#options);
    const call = { method: 'POST', url, headers, body, signal: NEVER, answerBytesMax: ANSWER_BYTES_MAX };
    const answer = await this.client.send(call).catch((error: unknown) => {
      // A question may be asked again, whether or not it was heard.
      throw this.#faults.ofSilence(error instanceof NoAnswer ? new NoAnswer(false, error.cause) : error);
    });
    const reason = reasonOfAnswer(answer);
    if (reason !== undefined || answer.isLong) {
      throw this.#faults.ofAnswer(
        answer,
        reason === 'refused' || reason === undefined ? 'unavailable' : reason,
      );
    }
    return Buffer.from(answer.body).toString();
  }

  #said(words: string): string {
    return `${this.name}: ${this.#faults.clean(words)}`;
  }
}

const NOTHING = Buffer.alloc(0);
const NEWLINE = Buffer.from('\n');

function joined(lines: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
}
