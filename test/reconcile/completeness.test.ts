import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import { type Expected, lookupKeys, proveComplete } from '../../src/reconcile/completeness.ts';

function part(body: string): Expected {
  const batch = new Batch({ body, format: 'ndjson' }, 'c', framer, 0);
  return { batch, rows: Array.from({ length: batch.rowCount }, (_, row) => row) };
}

async function* parts(...bodies: string[]): AsyncGenerator<Expected> {
  for (const body of bodies) yield part(body);
}

const keysOf = (batch: Batch, rows: readonly number[]) =>
  rows.map((row) => Buffer.from(batch.frame.row(row)).toString());

describe('the proof of completeness', () => {
  it('names exactly the keys the sink lacks, whatever else it holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(500), { minLength: 1, maxLength: 60 }),
        fc.uniqueArray(fc.nat(500)),
        async (source, sink) => {
          const held = new Set(sink.map(String));
          const proof = await proveComplete(parts(source.join('\n')), keysOf, async () => held);
          const missing = source.map(String).filter((key) => !held.has(key));
          expect(proof.missing).toEqual(missing.sort());
          expect(proof.sourceDigest === proof.sinkDigest).toBe(missing.length === 0);
        },
      ),
    );
  });

  it('lists at most 1000 of the missing keys', async () => {
    const body = Array.from({ length: 1500 }, (_, n) => `k${n}`).join('\n');
    const proof = await proveComplete(parts(body), keysOf, async () => new Set());
    expect(proof.missing).toHaveLength(1000);
  });

  it('does not depend on the order of entries', async () => {
    const one = await proveComplete(parts('a\nb', 'c'), keysOf, undefined);
    const two = await proveComplete(parts('c', 'b\na'), keysOf, undefined);
    expect(one.sourceDigest).toBe(two.sourceDigest);
  });

  it('claims no more than receipts when some rows have no computable key', async () => {
    const odd = (batch: Batch, rows: readonly number[]) => {
      if (batch.rowCount === 1) throw new Error('cannot decode');
      return keysOf(batch, rows);
    };
    const proof = await proveComplete(parts('a\nb', 'c'), odd, async (keys) => new Set(keys));
    expect(proof).toMatchObject({ checked: 'receipt', sinkDigest: null, missing: [] });
  });

  it('asks for at most 1000 keys at a time, and for each once', async () => {
    const asked: string[][] = [];
    const keys = Array.from({ length: 2500 }, (_, n) => `k${n}`);
    const held = await lookupKeys(async (some) => {
      asked.push([...some]);
      return new Set(some.slice(0, 1));
    }, keys);
    expect(asked.map((some) => some.length)).toEqual([1000, 1000, 500]);
    expect(asked.flat()).toEqual(keys);
    expect([...held]).toEqual(['k0', 'k1000', 'k2000']);
  });
});
