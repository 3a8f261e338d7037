/**
 * An S3 server that only waits: every put is answered after so many milliseconds, and nothing is kept or checked. In a
 * process of its own, so that its work is not counted as the client's. Prints its port.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const latencyMs = Number(process.argv[2]);
const NO_UPLOADS = '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>';
const EXISTS = '<Error><Code>PreconditionFailed</Code><Message>it is there</Message></Error>';

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { etag: '"0"', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

const server = createServer((message, response) => {
  message.resume();
  message.once('end', () => {
    if (message.method === 'GET') answer(response, 200, NO_UPLOADS);
    else if (message.url?.includes('.tierfall-probe')) answer(response, 412, EXISTS);
    else setTimeout(() => answer(response, 200, ''), latencyMs);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
