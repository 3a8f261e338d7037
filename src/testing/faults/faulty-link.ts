/**
 * One connection through the proxy: two sockets, and the fault of the exchange that is going on.
 *
 * X1 an exchange begins with the first bytes of the client after a reply, or after the connection was made; its fault is
 * asked for once, before any of these bytes is passed on. X2 bytes are passed on in order and unchanged, or not at all.
 * X3 when one side ends, the other is told, unless the fault is one that keeps it from being told.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { Fault } from './fault.ts';
import { paceOf, passSlowly } from './slow-pipe.ts';

export interface LinkPorts {
  readonly clock: Pick<Clock, 'schedule'>;
  /** The fault of the exchange that begins. */
  nextFault(): Fault | undefined;
  onEnd(): void;
}

export class FaultyLink {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #ports: LinkPorts;
  #fault: Fault | undefined = undefined;
  #isReplying = true;
  #passed = 0;
  #ended = 0;

  constructor(client: Socket, server: Socket, ports: LinkPorts) {
    this.#client = client;
    this.#server = server;
    this.#ports = ports;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // An error is followed by close, which is where it is dealt with.
      socket.on('error', () => undefined);
    }
    server.on('error', () => {
      if (!this.#isSilent) client.resetAndDestroy();
    });
    client.on('data', (chunk: Buffer) => this.#onRequest(chunk));
    server.on('data', (chunk: Buffer) => this.#onReply(chunk));
    client.on('end', () => server.end());
    server.on('end', () => {
      if (!this.#isSilent) client.end();
    });
    client.on('close', () => this.#onClose(server));
    server.on('close', () => this.#onClose(this.#isSilent ? undefined : client));
  }

  /** Ends both sides with a reset. */
  reset(): void {
    this.#client.resetAndDestroy();
    this.#server.destroy();
  }

  get #isSilent(): boolean {
    return this.#fault?.kind === 'black-hole' || this.#fault?.kind === 'half-open';
  }

  #onRequest(chunk: Buffer): void {
    if (this.#isReplying) {
      this.#isReplying = false;
      this.#passed = 0;
      // Whoever was made to believe in a dead connection goes on believing.
      if (!this.#isSilent) this.#fault = this.#ports.nextFault();
    }
    const fault = this.#fault;
    if (fault?.kind === 'refuse') return this.reset();
    if (fault?.kind === 'black-hole') return;
    if (fault?.kind !== 'reset') return this.#pass(chunk, this.#client, this.#server, 'request');
    const left = (fault.afterBytes ?? 0) - this.#passed;
    this.#passed += chunk.length;
    if (left > chunk.length) return void this.#server.write(chunk);
    if (left <= 0) return this.reset();
    this.#server.write(chunk.subarray(0, left), () => this.reset());
  }

  #onReply(chunk: Buffer): void {
    this.#isReplying = true;
    if (this.#isSilent) return;
    if (this.#fault?.kind === 'drop-reply') return this.reset();
    this.#pass(chunk, this.#server, this.#client, 'reply');
  }

  #pass(chunk: Buffer, from: Socket, to: Socket, side: 'request' | 'reply'): void {
    const pace = paceOf(this.#fault, side);
    if (pace !== undefined) {
      from.pause();
      void passSlowly(chunk, to, pace, this.#ports.clock).then(() => from.resume());
      return;
    }
    if (to.write(chunk) || to.destroyed) return;
    from.pause();
    to.once('drain', () => from.resume());
  }

  #onClose(other: Socket | undefined): void {
    other?.destroy();
    this.#ended += 1;
    if (this.#ended === 2) this.#ports.onEnd();
  }
}
