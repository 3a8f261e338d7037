import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/system-clock.ts';
import { type BullmqQueueOptions, bullmqQueue } from '../../src/reconcile/bullmq/bullmq-queue.ts';
import type { Queue } from '../../src/reconcile/queue.ts';
import { contractJob } from '../../src/testing/queue-contract.ts';
import { type Certificate, freshNamespace, type RedisServer, startRedis } from '../support/redis-server.ts';
import { selfSigned } from '../support/self-signed.ts';

let certificate: Certificate;
let redis: RedisServer;
beforeAll(async () => {
  certificate = selfSigned();
  redis = await startRedis({ tls: certificate });
});
afterAll(() => redis[Symbol.asyncDispose]());

const opened: Queue[] = [];
afterEach(async () => {
  for (const queue of opened.splice(0)) await queue.close();
});

function openQueue(connection: BullmqQueueOptions['connection']): Queue {
  const limits = { connectWithinMs: 2_500, commandTimeoutMs: 2_500 };
  const names = { chain: 'contract', namespace: freshNamespace() };
  const queue = bullmqQueue({ connection, clock: systemClock, ...names, ...limits });
  opened.push(queue);
  return queue;
}

describe('the queue over TLS', () => {
  it('is used when the certificate is trusted', async () => {
    const queue = openQueue({ host: '127.0.0.1', port: redis.port, tls: { ca: certificate.certificate } });
    const fill = await queue.beginFill?.();
    await queue.announce(contractJob(0, 1));
    expect(await fill?.end()).toBe(true);
    const job = await queue.claim('a', 10_000);
    expect(job).toMatchObject(contractJob(0, 1));
    expect(job && (await queue.complete(job, 'a'))).toBe(true);
  });

  it('is refused, and says why, when the certificate is of nobody who is trusted', async () => {
    await expect(openQueue(redis.url).announce(contractJob(0, 1))).rejects.toMatchObject({
      code: 'QUEUE_UNAVAILABLE',
      message: expect.stringContaining('self-signed certificate'),
    });
  });

  it('is refused when the certificate is for another host', async () => {
    const tls = { ca: certificate.certificate, servername: 'redis.example' };
    const queue = openQueue({ host: '127.0.0.1', port: redis.port, tls });
    await expect(queue.announce(contractJob(0, 1))).rejects.toMatchObject({
      code: 'QUEUE_UNAVAILABLE',
      message: expect.stringContaining('redis.example'),
    });
  });

  it('is away for whoever does not speak TLS', async () => {
    const queue = openQueue(redis.url.replace('rediss:', 'redis:'));
    await expect(queue.announce(contractJob(0, 1))).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
  });
});
