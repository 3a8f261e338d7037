import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import { parseQueueUrl, withoutCredentials } from '../../src/assembly/open-queue.ts';
import { loadConfig } from '../../src/cli/config.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { type BullmqQueueOptions, bullmqQueue } from '../../src/reconcile/bullmq/bullmq-queue.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';

describe('the URL of a queue', () => {
  it('names a server or a cluster, and what is set on it', () => {
    expect(parseQueueUrl('redis://app:pa@ss@host:6380/2?namespace=plant&eviction=warn')).toEqual({
      connection: 'redis://app:pa%40ss@host:6380/2',
      namespace: 'plant',
      eviction: 'warn',
    });
    expect(parseQueueUrl('rediss+cluster://app:pa%40ss@host:6380')).toEqual({
      connection: {
        cluster: ['rediss://app:pa%40ss@host:6380'],
        options: { tls: {}, username: 'app', password: 'pa@ss' },
      },
    });
  });

  it.each([
    'redis://app:secret@host:6379/0?password=secret',
    'redis://app:12/secret@host:6379/0',
    'redis://app:pa/secret@host:6379/0',
    'redis://app:pa#secret@host:6379/0',
    'redis://host/0?eviction=secret',
    'http://app:secret@host',
    'secret',
  ])('is refused without telling what may be a secret: %s', (text) => {
    const parse = (): unknown => parseQueueUrl(text);
    expect(parse).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('rediss') }),
    );
    expect(parse).toThrow(/^(?!.*secret)/s);
  });

  it.each([
    ['redis://app:secret@host:6379/0', 'redis://host:6379/0'],
    ['redis://app:sec@secret@host:6379/0?namespace=a@b', 'redis://host:6379/0?namespace=a@b'],
    ['redis://:secret@host', 'redis://host'],
    ['redis+cluster://host/1', 'redis+cluster://host/1'],
  ])('is kept without its password: %s', (text, kept) => {
    expect(withoutCredentials(text)).toBe(kept);
  });
});

const NO_QUEUES: readonly [string, unknown, string, string][] = [
  ['options of a client in place of a connection', { host: 'redis' }, '', 'has neither a connection'],
  ['a number', 6379, '', 'found number'],
  ['null', null, '', 'found null'],
  ['a queue that cannot give jobs', { announce: 'added', close: 0 }, '', 'has neither a connection'],
  ['options with a connection of the wrong kind', { connection: 6379 }, '.connection', 'found number'],
  ['options without a server', { connection: 'secret' }, '.connection', 'no redis:// or rediss:// URL'],
];

describe('the option queue', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tierfall-queue-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it.each(NO_QUEUES)('is refused when it is %s', async (_, queue, where, words) => {
    const opening = createFallback({ dir, sink: memorySink(), queue } as FallbackOptions);
    await expect(opening).rejects.toMatchObject({
      name: 'ConfigError',
      path: `queue${where}`,
      message: expect.stringContaining(words),
    });
    await expect(opening).rejects.toThrow(/^(?!.*secret)/s);
    // Nothing of it stays open.
    await (await createFallback({ dir, sink: memorySink() })).close();
  });

  it('names the methods that a queue of your own lacks', async () => {
    const queue = { announce: async () => 'added', close: async () => undefined } as never;
    await expect(createFallback({ dir, sink: memorySink(), queue })).rejects.toMatchObject({
      name: 'ConfigError',
      path: 'queue',
      message: expect.stringContaining('has no method claim, checkpoint, complete, postpone, depth'),
    });
  });

  it.each(NO_QUEUES)('is refused in a config file when it is %s', async (_, queue, where, words) => {
    const file = join(dir, 'queue.config.mjs');
    writeFileSync(file, `export default { sink: { write() {} }, queue: ${JSON.stringify(queue)} };`);
    await expect(loadConfig(file, dir)).rejects.toMatchObject({
      name: 'ConfigError',
      path: `${file}: queue${where}`,
      message: expect.stringContaining(words),
    });
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a port', 6379],
    ['an array', ['redis://127.0.0.1']],
    ['another protocol', 'http://user:secret@127.0.0.1'],
    ['a client', { options: {}, connect: () => undefined }],
    ['one URL as a cluster', { cluster: 'redis://127.0.0.1' }],
    ['a cluster of nothing', { cluster: [] }],
    ['a cluster of hosts', { cluster: [{ host: 'secret' }] }],
  ])('is refused by the queue in Redis when its connection is %s', (_, connection) => {
    const options = { connection, chain: 'c', clock: systemClock } as unknown as BullmqQueueOptions;
    const open = (): unknown => bullmqQueue(options);
    expect(open).toThrow(expect.objectContaining({ name: 'ConfigError', path: 'queue.connection' }));
    expect(open).toThrow(/^(?!.*secret)/s);
  });
});
