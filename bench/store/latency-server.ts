/**
 * An S3 server that only waits: every put is answered so many milliseconds after its last byte has come, and nothing is
 * kept or checked. In a process of its own, so that its work is not counted as the client's. Prints its port.
 *
 *   GET /-/latency   what it has waited so far by its own clock: a timer is late when the machine is busy
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the puts of a server have waited. */
export interface Waited {
  readonly puts: number;
  readonly totalMs: number;
}

const latencyMs = Number(process.argv[2]);
const NO_UPLOADS = '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>';
const EXISTS = '<Error><Code>PreconditionFailed</Code><Message>it is there</Message></Error>';
let puts = 0;
let totalMs = 0;

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { etag: '"0"', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function answerLate(response: ServerResponse): void {
  const startedMs = performance.now();
  setTimeout(() => {
    puts += 1;
    totalMs += performance.now() - startedMs;
    answer(response, 200, '');
  }, latencyMs);
}

const server = createServer((message, response) => {
  message.resume();
  message.once('end', () => {
    if (message.url === '/-/latency') answer(response, 200, JSON.stringify({ puts, totalMs } satisfies Waited));
    else if (message.method === 'GET') answer(response, 200, NO_UPLOADS);
    else if (message.url?.includes('.tierfall-probe')) answer(response, 412, EXISTS);
    else answerLate(response);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
