import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type FaultProxy, type FaultProxyOptions, faultProxy } from '../../src/testing/fault-proxy.ts';

interface Rig {
  readonly proxy: FaultProxy;
  /** What the server was sent, all connections together. */
  readonly received: () => string;
  client(): Client;
}

/** A real TCP server that answers each line in capitals, behind a proxy. */
async function rig(options: Omit<FaultProxyOptions, 'port'> = {}): Promise<Rig> {
  const sockets = new Set<Socket>();
  let received = '';
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let line = '';
    socket.on('data', (chunk) => {
      received += chunk;
      line += chunk;
      if (!line.endsWith('\n')) return;
      socket.write(line.toUpperCase());
      line = '';
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const proxy = await faultProxy({ port, ...options });
  onTestFinished(async () => {
    await proxy.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { proxy, received: () => received, client: () => new Client(proxy.port) };
}

class Client {
  readonly #socket: Socket;
  readonly #ended: Promise<string>;
  #text = '';
  #onText: () => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1' });
    this.#socket.on('data', (chunk) => {
      this.#text += chunk;
      this.#onText();
    });
    this.#ended = new Promise((resolve) => {
      this.#socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
      this.#socket.on('close', () => resolve('closed'));
    });
    onTestFinished(() => void this.#socket.destroy());
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  /** The reply to a line, or how the connection ended, or `silence` after a while. */
  async ask(line: string, patienceMs = 5_000): Promise<string> {
    this.#text = '';
    this.send(`${line}\n`);
    const whole = new Promise<string>((resolve) => {
      this.#onText = () => {
        if (this.#text.endsWith('\n')) resolve(this.#text.trimEnd());
      };
    });
    const silence = new Promise<string>((resolve) => void setTimeout(resolve, patienceMs, 'silence'));
    return Promise.race([whole, this.#ended, silence]);
  }

  get ended(): Promise<string> {
    return this.#ended;
  }
}

const A_WHILE_MS = 150;

describe('faultProxy', () => {
  it('passes bytes on unchanged, also many of them', async () => {
    const { client, proxy, received } = await rig();
    const one = client();
    expect(await one.ask('hello')).toBe('HELLO');
    const long = 'x'.repeat(1_000_000);
    expect(await one.ask(long)).toMatch(/^X+$/);
    expect(received().length).toBe(1_000_007);
    expect(proxy).toMatchObject({ connections: 1, exchanges: 2, open: 1 });
    expect(proxy.met.size).toBe(0);
  });

  it('resets a connection of which nothing is passed on', async () => {
    const { client, proxy, received } = await rig();
    proxy.failNext({ kind: 'refuse' });
    expect(await client().ask('one')).toBe('ECONNRESET');
    expect(received()).toBe('');
    expect(await client().ask('two')).toBe('TWO');
  });

  it('is refused by the system while it does not listen, and is found at the same place afterwards', async () => {
    const { client, proxy } = await rig();
    const { port } = proxy;
    const open = client();
    expect(await open.ask('before')).toBe('BEFORE');
    await proxy.refuse();
    expect(await client().ask('one')).toBe('ECONNREFUSED');
    expect(await open.ask('open ones go on')).toBe('OPEN ONES GO ON');
    await proxy.accept();
    expect(proxy.port).toBe(port);
    expect(await client().ask('two')).toBe('TWO');
  });

  it('resets after as many bytes of the request as it was told', async () => {
    const { client, proxy, received } = await rig();
    proxy.failNext({ kind: 'reset', afterBytes: 3 });
    expect(await client().ask('abcdef')).toBe('ECONNRESET');
    await expect.poll(received).toBe('abc');
  });

  it('swallows what goes into a black hole and keeps the connection', async () => {
    const { client, proxy, received } = await rig();
    proxy.failNext({ kind: 'black-hole' });
    const one = client();
    expect(await one.ask('lost', A_WHILE_MS)).toBe('silence');
    expect(await one.ask('also lost', A_WHILE_MS)).toBe('silence');
    expect([received(), proxy.open]).toEqual(['', 1]);
  });

  it('passes the request on and resets instead of replying', async () => {
    const { client, proxy, received } = await rig();
    const one = client();
    expect(await one.ask('kept')).toBe('KEPT');
    proxy.failNext({ kind: 'drop-reply' });
    expect(await one.ask('committed')).toBe('ECONNRESET');
    expect(received()).toBe('kept\ncommitted\n');
  });

  it('passes the request on and never tells that the other side is gone', async () => {
    const { client, proxy, received } = await rig();
    proxy.failNext({ kind: 'half-open' });
    const one = client();
    expect(await one.ask('committed', A_WHILE_MS)).toBe('silence');
    expect([received(), proxy.open]).toEqual(['committed\n', 1]);
  });

  it('lets a reply drip', async () => {
    const { client, proxy } = await rig();
    proxy.failNext({ kind: 'slow-drip', bytes: 2, everyMs: 20 });
    const startedMs = performance.now();
    expect(await client().ask('0123456789')).toBe('0123456789');
    expect(performance.now() - startedMs).toBeGreaterThan(100);
  });

  it('holds both ways to a bandwidth', async () => {
    const { client, proxy } = await rig();
    proxy.setFault({ kind: 'bandwidth', bytesPerSecond: 100_000 });
    const startedMs = performance.now();
    expect(await client().ask('x'.repeat(10_000), 20_000)).toMatch(/^X+$/);
    expect(performance.now() - startedMs).toBeGreaterThan(190);
    proxy.setFault(undefined);
    expect(proxy.met.get('bandwidth')).toBe(1);
  });

  it('resets what it cannot bring to the other side', async () => {
    const proxy = await faultProxy({ port: 1 });
    onTestFinished(() => proxy.close());
    expect(await new Client(proxy.port).ask('x')).toBe('ECONNRESET');
  });

  it('deals faults by chance, the same for the same seed and others for another', async () => {
    const fates = async (seed: number): Promise<string> => {
      const { client, proxy } = await rig({ seed, shares: [{ fault: { kind: 'drop-reply' }, share: 0.3 }] });
      let fate = '';
      for (let turn = 0; turn < 40; turn += 1) fate += (await client().ask('x')) === 'X' ? '.' : '!';
      expect(proxy.met.get('drop-reply')).toBe(fate.split('!').length - 1);
      return fate;
    };
    const [first, again, other] = [await fates(7), await fates(7), await fates(8)];
    expect(first).toMatch(/!/);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('leaves later exchanges their fate when one before them was told its own', async () => {
    const fates = async (told: boolean): Promise<string> => {
      const { client, proxy } = await rig({ seed: 3, shares: [{ fault: { kind: 'drop-reply' }, share: 0.4 }] });
      if (told) proxy.failNext({ kind: 'reset' });
      let fate = '';
      for (let turn = 0; turn < 20; turn += 1) fate += (await client().ask('x')) === 'X' ? '.' : '!';
      return fate.slice(1);
    };
    expect(await fates(true)).toBe(await fates(false));
  });

  it('resets all that is open, and closes twice, with connections in every state', async () => {
    const { client, proxy } = await rig();
    const [one, hole, deaf] = [client(), client(), client()];
    await one.ask('here');
    proxy.failNext({ kind: 'black-hole' });
    await hole.ask('x', A_WHILE_MS);
    proxy.failNext({ kind: 'half-open' });
    await deaf.ask('x', A_WHILE_MS);
    proxy.reset();
    expect(await Promise.all([one.ended, hole.ended, deaf.ended])).toEqual(Array(3).fill('ECONNRESET'));
    client();
    await proxy.close();
    await proxy.close();
    expect(proxy.open).toBe(0);
  });

  it('refuses shares that are more than everything', async () => {
    const shares = [
      { fault: { kind: 'black-hole' }, share: 0.6 },
      { fault: { kind: 'drop-reply' }, share: 0.6 },
    ] as const;
    await expect(faultProxy({ port: 1, shares })).rejects.toThrow('found 1.2');
  });
});
