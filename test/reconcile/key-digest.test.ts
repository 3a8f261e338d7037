import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, sha256InTurns } from '../../src/core/keys.ts';
import { digestKeys } from '../../src/reconcile/key-digest.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';
import { watchTurns } from '../support/longest-turn.ts';

const whole = (keys: ReadonlySet<string>): string => hash('sha256', JSON.stringify([...keys].sort()), 'hex');

describe('the digest of a set of keys', () => {
  it('is that of the JSON text of the sorted keys, whatever is in them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' })), async (keys) => {
        const set = new Set([...keys, '\ud800', '"', '\\']);
        expect(await digestKeys(set)).toBe(whole(set));
      }),
    );
    expect(await digestKeys(new Set())).toBe(whole(new Set()));
  });

  it.each([8_191, 8_192, 8_193, 24_576, 40_001])('is the same for %i keys', async (count) => {
    const keys = Array.from({ length: count }, (_, n) => `${(n * 7_919) % count}-${n}`);
    expect(await digestKeys(new Set(keys))).toBe(whole(new Set(keys)));
    expect(await digestKeys(new Set(keys.toReversed()))).toBe(whole(new Set(keys)));
  });

  it('lets others in while it is made of very many', async () => {
    const keys = new Set(Array.from({ length: 400_000 }, (_, n) => `0123456789abcdef0123456789abcdef-${n}`));
    const watch = watchTurns();
    await new Promise((resolve) => setImmediate(resolve));
    watch.longestMs();
    const taken = cpuStopwatch();
    await digestKeys(keys);
    expect(watch.longestMs()).toBeLessThan(taken() / 3);
    watch.stop();
  });
});

it('hashes bytes of any size in turns to what they are hashed to at once', async () => {
  for (const sizes of [[], [0], [5], [1_048_576], [1_048_577], [3_000_000, 0, 1, 2_097_152]]) {
    const parts = sizes.map((size, at) => new Uint8Array(size).fill(at + 1));
    expect(await sha256InTurns(parts)).toBe(sha256(Buffer.concat(parts)));
  }
});
