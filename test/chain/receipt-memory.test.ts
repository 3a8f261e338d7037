import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { createEngine, defineChain, memorySink, primary } from '../../src/index.ts';

/** Collects garbage for certain, without a flag on the command line. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

it('lets go of the body once the key is known, so that collected receipts are small', async () => {
  const chain = defineChain({
    entry: 'primary',
    tiers: { primary: primary({ sink: memorySink({ accepts: 'bytes' }) }) },
    edges: { primary: { otherwise: 'REJECT' } },
  });
  await using engine = await createEngine({ chain });
  const submitted = async () => {
    const body = { bytes: Buffer.from('{"n":1}\n') };
    const receipt = await engine.submit({ body: body.bytes, format: 'ndjson' });
    return { receipt, body: new WeakRef(body.bytes) };
  };
  const { receipt, body } = await submitted();
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(body.deref()).toBeUndefined();
  expect(receipt.batchKey).toMatch(/^[0-9a-f]{32}$/);
});
