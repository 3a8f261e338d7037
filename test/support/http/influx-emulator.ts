/**
 * Answers as InfluxDB 2.x and 3.x do, as far as their documentation and sources tell: neither can be installed here. It keeps
 * points by measurement, tags and time, takes lines that look like points, and says what it says about others in the words of
 * each version.
 *
 * 2.x: a line that cannot be read refuses the whole request (400, `invalid`, the first of them quoted); a field of another type
 * drops its point (422, `partial write … dropped=N`). 3.x: 400 with each line that was not taken, the others are in.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';

export interface InfluxEmulator extends AsyncDisposable {
  readonly url: string;
  /** Fields by measurement, tags and time. */
  readonly points: ReadonlyMap<string, string>;
  /** Method, address and authorization of each request. */
  readonly seen: readonly string[];
}

export async function influxEmulator(): Promise<InfluxEmulator> {
  const emulator = new Emulator();
  await emulator.listen();
  return emulator;
}

const POINT = /^(\w+(?:,\w+=\w+)*) (\w+)=(-?\d+i|-?\d+(?:\.\d+)?|"[^"]*"|[tf]) (-?\d+)$/;

class Emulator implements InfluxEmulator {
  readonly points = new Map<string, string>();
  readonly seen: string[] = [];
  url = '';
  readonly #types = new Map<string, string>();
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response));

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const packed = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(packed) : packed;
    this.seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    const url = new URL(request.url ?? '', this.url);
    const answer = (status: number, json?: unknown): unknown =>
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(json === undefined ? undefined : JSON.stringify(json));
    const lines = body.toString().trimEnd().split('\n');
    if (url.pathname === '/api/v2/write') this.#writeV2(lines, url.searchParams.get('bucket'), answer);
    else if (url.pathname === '/api/v3/write_lp') this.#writeV3(lines, answer);
    else answer(404, { error: 'not found' });
  }

  #writeV2(
    lines: readonly string[],
    bucket: string | null,
    answer: (status: number, json?: unknown) => unknown,
  ): unknown {
    if (bucket === 'nowhere') return answer(404, { code: 'not found', message: 'bucket "nowhere" not found' });
    const bad = lines.find((line) => !POINT.test(line));
    if (bad !== undefined) {
      return answer(400, { code: 'invalid', message: `unable to parse '${bad}': missing fields` });
    }
    const fallen = lines.map((line) => this.#take(line)).filter((words) => words !== undefined);
    if (fallen.length === 0) return answer(204);
    const message = `failure writing points to database: partial write: field type conflict: ${fallen[0]} dropped=${fallen.length}`;
    return answer(422, { code: 'unprocessable entity', message });
  }

  #writeV3(lines: readonly string[], answer: (status: number, json?: unknown) => unknown): unknown {
    const data = lines.flatMap((line, at) => {
      const words = POINT.test(line) ? this.#take(line) : 'No fields were provided';
      return words === undefined ? [] : [{ original_line: line, line_number: at + 1, error_message: words }];
    });
    return data.length === 0
      ? answer(204)
      : answer(400, { error: 'partial write of line protocol occurred', data });
  }

  /** @returns why it was not taken */
  #take(line: string): string | undefined {
    const [, series = '', field = '', value = '', time = ''] = POINT.exec(line) ?? [];
    const measurement = series.split(',')[0] ?? '';
    const type = typeOf(value);
    const known = this.#types.get(`${measurement} ${field}`) ?? type;
    if (known !== type) {
      return `input field "${field}" on measurement "${measurement}" is type ${type}, already exists as type ${known}`;
    }
    this.#types.set(`${measurement} ${field}`, type);
    this.points.set(`${series} ${time}`, `${field}=${value}`);
    return undefined;
  }
}

function typeOf(value: string): string {
  if (value.startsWith('"')) return 'string';
  if (/^[tf]/.test(value)) return 'boolean';
  return value.endsWith('i') ? 'integer' : 'float';
}
