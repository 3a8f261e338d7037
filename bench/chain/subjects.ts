/**
 * The things that are compared: each takes a batch through an immediate async sink. `tierfall` has
 * everything on: breaker, byte budget, deadline, metrics, ledger, receipt.
 */
import {
  bulkhead,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import CircuitBreaker from 'opossum';
import { createEngine, defineChain, primary, type Sink, type Tier } from '../../src/index.ts';

export type Call = () => Promise<unknown>;

const BATCH = { body: Buffer.alloc(1024, 'a'), format: 'opaque' } as const;
const TIMEOUT_MS = 10_000;
const sinkCall = async (): Promise<undefined> => undefined;

const immediateSink = (settlesOnAbort: boolean): Sink => ({
  name: 'immediate',
  accepts: 'bytes',
  idempotent: true,
  settlesOnAbort,
  write: sinkCall,
});

async function engineOver(sink: Sink): Promise<Call> {
  const chain = defineChain({
    entry: 'primary',
    tiers: { primary: primary({ sink }) },
    edges: { primary: { otherwise: 'REJECT' } },
  });
  const engine = await createEngine({ chain });
  return () => engine.submit(BATCH);
}

/** Tier 0's circuit is held open, so every batch skips it and lands in the tier behind it. */
async function engineSkipping(): Promise<Call> {
  const landing: Tier = {
    kind: 'landing',
    reasons: [],
    lands: 'delivered',
    settlesOnAbort: true,
    run: sinkCall,
  };
  const chain = defineChain({
    entry: 'primary',
    tiers: { primary: primary({ sink: immediateSink(true) }), landing },
    edges: { primary: { otherwise: 'landing' }, landing: { otherwise: 'REJECT' } },
  });
  const engine = await createEngine({ chain });
  engine.breaker('primary')?.isolate();
  return () => engine.submit(BATCH);
}

const policies = () =>
  [
    retry(handleAll, { maxAttempts: 3 }),
    circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker: new ConsecutiveBreaker(5) }),
    bulkhead(1_000),
  ] as const;

export const SUBJECTS: Readonly<Record<string, () => Promise<Call>>> = {
  bare: async () => sinkCall,
  tierfall: () => engineOver(immediateSink(true)),
  'tierfall-raced': () => engineOver(immediateSink(false)),
  'tierfall-skip': engineSkipping,
  'cockatiel-wrap': async () => {
    const policy = wrap(...policies());
    return () => policy.execute(sinkCall);
  },
  'cockatiel-timeout': async () => {
    const policy = wrap(...policies(), timeout(TIMEOUT_MS, TimeoutStrategy.Cooperative));
    return () => policy.execute(sinkCall);
  },
  opossum: async () => {
    const breaker = new CircuitBreaker(sinkCall);
    return () => breaker.fire();
  },
};
