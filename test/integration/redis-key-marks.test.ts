import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/system-clock.ts';
import { bullmqQueue } from '../../src/reconcile/bullmq/bullmq-queue.ts';
import type { KeyMarks } from '../../src/reconcile/fence/key-marks.ts';
import type { Queue } from '../../src/reconcile/queue.ts';
import { freshNamespace, type RedisServer, startRedis } from '../support/redis-server.ts';

let redis: RedisServer;
let queues: Queue[];
let namespace: string;
beforeEach(async () => {
  redis = await startRedis();
  namespace = freshNamespace();
  queues = [];
});
afterEach(async () => {
  for (const queue of queues) await queue.close();
  await redis[Symbol.asyncDispose]();
});

function marksOf(chain = 'c'): KeyMarks {
  const queue = bullmqQueue({ connection: redis.url, chain, namespace, clock: systemClock });
  queues.push(queue);
  return queue.keyMarks as KeyMarks;
}

const object = (order: number, ...orderingKeys: string[]) => ({
  ref: `ref-${order}`,
  lane: 0,
  order,
  orderingKeys,
});

it('keeps the newest object of a key, whoever tells of it first, for its chain alone', async () => {
  const [one, two, other] = [marksOf(), marksOf(), marksOf('other')];
  await one.add([object(20, 'a', 'b')]);
  await two.add([object(3, 'a'), object(100, 'b')]);
  expect((await one.find(['b', 'none', 'a'])).refs).toEqual(
    new Map([
      ['b', 'ref-100'],
      ['a', 'ref-20'],
    ]),
  );
  expect((await other.find(['a'])).refs).toEqual(new Map());
});

it('takes away the mark of the object it is told of, and no newer one', async () => {
  const marks = marksOf();
  await marks.add([object(1, 'a', 'b')]);
  await marks.add([object(2, 'b')]);
  await marks.remove(
    new Map([
      ['a', 'ref-1'],
      ['b', 'ref-1'],
    ]),
  );
  expect((await marks.find(['a', 'b'])).refs).toEqual(new Map([['b', 'ref-2']]));
});

it('answers for thousands of keys, whatever is in them', async () => {
  const marks = marksOf();
  const keys = Array.from({ length: 2_500 }, (_, n) => `key ${n} "ü\u0000\n`);
  await marks.add([object(7, ...keys)]);
  expect((await marks.find(keys)).refs).toEqual(new Map(keys.map((key) => [key, 'ref-7'])));
  await marks.remove(new Map(keys.map((key) => [key, 'ref-7'])));
  expect((await marks.find(keys)).refs.size).toBe(0);
});

it('has another memory after it was flushed, and after a connection that may lead elsewhere', async () => {
  const [one, two] = [marksOf(), marksOf()];
  const first = (await one.find([])).memory;
  expect((await one.find(['a'])).memory).toBe(first);
  await redis.client().flushall();
  const second = (await one.find([])).memory;
  expect(second).not.toBe(first);
  const [, name] = second.split('/');
  expect((await two.find([])).memory.split('/')[1]).toBe(name);
  await redis.kill();
  await redis.start();
  await expect
    .poll(
      () =>
        one.find([]).then(
          (found) => found.memory,
          () => second,
        ),
      { timeout: 10_000 },
    )
    .not.toBe(second);
});
