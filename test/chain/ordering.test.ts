/** Batches of one ordering key never overtake each other on their way through the chain. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { defineChain } from '../../src/chain/define-chain.ts';
import { Engine } from '../../src/chain/engine.ts';
import { framer } from '../../src/codecs/codecs.ts';
import { SubmitAbortedError } from '../../src/core/errors.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import type { Tier } from '../../src/tiers/tier.ts';

/** Lands each batch after as many milliseconds as its body says, and writes down when it did. */
function slowTier(landed: string[], fails: (text: string) => boolean = () => false) {
  return {
    kind: 'slow',
    reasons: ['unavailable'],
    lands: 'delivered',
    async run(work) {
      const text = Buffer.from(work.batch.body).toString();
      const [name = '', delay = '0'] = text.split(':');
      await work.wait(Number(delay));
      if (fails(name)) return { residue: [{ rows: work.rows, reason: 'unavailable' }] };
      landed.push(name);
      return undefined;
    },
  } as const satisfies Tier;
}

async function engineWith(fails?: (text: string) => boolean) {
  const clock = new ManualClock();
  const landed: string[] = [];
  const chain = defineChain({
    entry: 'first',
    tiers: { first: slowTier(landed, fails), second: slowTier(landed) },
    edges: { first: { otherwise: 'second' }, second: { otherwise: 'REJECT' } },
  });
  const metrics = createMetrics('default');
  const engine = await new Engine({ chain, framer, clock, random: () => 0.5, metrics }).open();
  const submit = (name: string, delayMs: number, orderingKey?: string, signal?: AbortSignal) =>
    engine.submit(
      { body: `${name}:${delayMs}`, format: 'opaque', ...(orderingKey === undefined ? {} : { orderingKey }) },
      signal ? { signal } : {},
    );
  return { clock, engine, landed, submit };
}

it('lands batches of one key in submit order, however long each takes', async () => {
  const { clock, landed, submit } = await engineWith();
  const receipts = [submit('a1', 50, 'a'), submit('a2', 1, 'a'), submit('b1', 10, 'b'), submit('free', 5)];
  await clock.advance(200);
  await Promise.all(receipts);
  expect(landed).toEqual(['free', 'b1', 'a1', 'a2']);
});

it('keeps the order when an earlier batch has to take another tier', async () => {
  const { clock, landed, submit } = await engineWith((name) => name === 'a1');
  const receipts = [submit('a1', 50, 'a'), submit('a2', 1, 'a')];
  await clock.advance(500);
  await Promise.all(receipts);
  expect(landed).toEqual(['a1', 'a2']);
});

it('lets a batch give up while it waits for its turn, and goes on with the next', async () => {
  const { clock, engine, landed, submit } = await engineWith();
  const giveUp = new AbortController();
  const first = submit('a1', 50, 'a');
  const second = submit('a2', 1, 'a', giveUp.signal);
  const third = submit('a3', 1, 'a');
  second.catch(() => undefined);
  giveUp.abort();
  await expect(second).rejects.toThrow(SubmitAbortedError);
  await expect(second).rejects.toMatchObject({ receipt: { rejected: 1, delivered: 0, trail: [] } });
  await clock.advance(200);
  await Promise.all([first, third]);
  expect(landed).toEqual(['a1', 'a3']);
  expect(engine.ledger).toMatchObject({ delivered: 2, rejected: 1, unaccounted: 0, inFlight: 0 });
});

it('closes only after the batches that wait for their turn have landed', async () => {
  const { clock, engine, landed, submit } = await engineWith();
  const receipts = [submit('a1', 50, 'a'), submit('a2', 50, 'a')];
  const closed = engine.close();
  await clock.advance(200);
  await Promise.all([...receipts, closed]);
  expect(landed).toEqual(['a1', 'a2']);
});

it('holds for any schedule of keys and delays', async () => {
  const schedule = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), delayMs: fc.nat(30) }), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(schedule, fc.func(fc.boolean()), async (batches, fails) => {
      const { clock, landed, submit } = await engineWith(fails);
      const receipts = batches.map(({ key, delayMs }, index) => submit(`${key}${index}`, delayMs, key));
      await clock.advance(10_000);
      await Promise.all(receipts);
      for (const key of ['a', 'b', 'c']) {
        const order = landed.filter((name) => name.startsWith(key)).map((name) => Number(name.slice(1)));
        expect(order).toEqual([...order].sort((x, y) => x - y));
      }
      expect(landed).toHaveLength(batches.length);
    }),
    { numRuns: 100 },
  );
});
