import { describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import type { SchemaRegistry } from '../../src/schema/declare/registry.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { schemaRetry } from '../../src/tiers/schema-retry.ts';
import { batchOf, checkBooksAfterEach, checkReceipt } from '../chain/rig.ts';
import { keysOf, narrow, ndjson, tierRig, whole, wide, writeMemory } from './tier-rig.ts';

checkBooksAfterEach();

describe('schema-retry of an unknown outcome', () => {
  it('reads back, and writes nothing twice to a sink without idempotent keys', async () => {
    const memory = writeMemory();
    const input = batchOf(6);
    memory.applied.push(...keysOf(input).slice(0, 4));
    const { submit, clock } = await tierRig(schemaRetry({ sink: { ...memory.sink, lookup: memory.lookup } }));
    const submitted = submit([whole('ambiguous')], input);
    await clock.advance(10_000);
    expect(await submitted).toMatchObject({ delivered: 6 });
    expect(memory.applied).toEqual(keysOf(input));
  });

  it('writes nothing at all when everything is there', async () => {
    const memory = writeMemory();
    const input = batchOf(3);
    memory.applied.push(...keysOf(input));
    const { submit, clock } = await tierRig(schemaRetry({ sink: { ...memory.sink, lookup: memory.lookup } }));
    const submitted = submit([whole('ambiguous')], input);
    await clock.advance(10_000);
    expect(await submitted).toMatchObject({ delivered: 3 });
    expect([memory.applied.length, memory.attempts.length]).toEqual([3, 0]);
  });

  it('reads back after each lost reply of its own', async () => {
    const memory = writeMemory();
    const sink = flakySink({ ...memory.sink, lookup: memory.lookup });
    sink.failNext('ambiguous', 1, { applied: true });
    const { submit, clock } = await tierRig(schemaRetry({ sink }));
    const input = batchOf(3);
    const submitted = submit([whole('ambiguous')], input);
    await clock.advance(10_000);
    expect(await submitted).toMatchObject({ delivered: 3 });
    expect(memory.applied).toEqual(keysOf(input));
  });

  it('writes the same keys again when the sink cannot be asked', async () => {
    const memory = writeMemory();
    const { submit, clock } = await tierRig(schemaRetry({ sink: memory.sink }));
    const input = batchOf(3);
    const submitted = submit([whole('ambiguous')], input);
    await clock.advance(10_000);
    await submitted;
    expect(memory.applied).toEqual(keysOf(input));
  });

  it.each([true, false])(
    'relies on keys when reading back fails only if they are idempotent: %s',
    async (idempotent) => {
      const memory = writeMemory();
      const lookup = () => Promise.reject(new SinkError('unavailable', 'cannot say'));
      const { submit, clock, left } = await tierRig(
        schemaRetry({ sink: { ...memory.sink, idempotent, lookup } }),
      );
      const submitted = submit([whole('ambiguous', [1, 2])]);
      await clock.advance(60_000);
      await submitted;
      expect(memory.applied.length).toBe(idempotent ? 2 : 0);
      expect(left()).toEqual(idempotent ? [] : [['ambiguous', [1, 2]]]);
    },
  );

  it('does not wait for ever for the sink to say what it holds', async () => {
    const memory = writeMemory();
    const lookup = () => new Promise<never>(() => {});
    const { submit, clock, left } = await tierRig(schemaRetry({ sink: { ...memory.sink, lookup } }));
    const submitted = submit([whole('ambiguous', [1, 2])]);
    await clock.advance(120_000);
    await submitted;
    expect([memory.applied.length, left()]).toEqual([0, [['ambiguous', [1, 2]]]]);
  });

  it('loses no row that does not fit the schema at hand', async () => {
    const sink = memorySink({ accepts: 'columns' });
    const { submit, clock, left } = await tierRig(schemaRetry({ sink, schema: narrow }));
    const submitted = submit([whole('ambiguous')], ndjson({ n: 0 }, { n: 'one' }, { n: 2 }));
    await clock.advance(10_000);
    const receipt = await submitted;
    checkReceipt(receipt);
    expect([receipt.delivered, sink.rows.size, left()]).toEqual([2, 2, [['schema-mismatch', [1]]]]);
  });
});

describe('schema-retry after a schema failure', () => {
  const drifted = ndjson({ n: 0 }, { n: 1, t: 'new' }, { n: 2, t: 7 });
  const holding = (schema: typeof wide | undefined): SchemaRegistry => ({
    latest: async () => schema && { schema: schema.schema, version: 2 },
  });

  async function schemaRig(registry: SchemaRegistry | undefined) {
    const inner = memorySink({ accepts: 'columns' });
    const sink = flakySink(inner);
    const rig = await tierRig(schemaRetry({ sink, schema: narrow, ...(registry ? { registry } : {}) }));
    const submitted = rig.submit([{ rows: [1, 2], reason: 'schema-mismatch', detail: 't: unknown' }], drifted);
    await rig.clock.advance(60_000);
    checkReceipt(await submitted);
    return { ...rig, sink, inner };
  }

  it('lands the rows that a newer schema takes, and passes on the others', async () => {
    const { inner, sink, left } = await schemaRig(holding(wide));
    expect([[...inner.rows.values()], sink.requests]).toEqual([[{ n: 1, t: 'new' }], 1]);
    expect(left()).toEqual([['schema-mismatch', [2]]]);
  });

  it.each([
    ['no registry', undefined],
    ['an empty registry', holding(undefined)],
    ['a registry with the same schema', holding(narrow)],
    ['a registry that fails', { latest: () => Promise.reject(new Error('registry down')) }],
    [
      'a registry that fails at once',
      {
        latest: () => {
          throw new Error('registry down');
        },
      },
    ],
    ['a registry that hangs', { latest: () => new Promise<never>(() => {}) }],
    [
      'a registry with an unusable schema',
      { latest: async () => ({ schema: { fields: [] } as never, version: 3 }) },
    ],
  ] as const)('sends nothing again with %s', async (_, registry) => {
    const { sink, last } = await schemaRig(registry);
    expect(sink.requests).toBe(0);
    expect(last.runs[0]?.cause).toMatchObject([{ rows: [1, 2], reason: 'schema-mismatch' }]);
    expect(last.runs[0]?.cause[0]?.detail).toMatch(/^t: unknown \(no (newer schema|registry)/);
  });

  it('asks the registry once for all causes of a batch, and tries the rows of each', async () => {
    let asked = 0;
    const registry: SchemaRegistry = {
      latest: async () => {
        asked += 1;
        return { schema: wide.schema, version: 2 };
      },
    };
    const sink = memorySink({ accepts: 'columns' });
    const { submit, left } = await tierRig(schemaRetry({ sink, schema: narrow, registry }));
    const causes = [
      { rows: [1], reason: 'schema-mismatch' },
      { rows: [2], reason: 'beyond-tolerance' },
      { rows: [0, 3], reason: 'schema-mismatch' },
    ];
    const input = ndjson({ n: 0 }, { n: 1, t: 'a' }, { n: 2, t: 'b' }, { n: 'x' });
    checkReceipt(await submit(causes, input));
    // The newer schema is as tolerant as the one before, so its own mismatches are still within tolerance.
    expect([asked, left()]).toEqual([1, [['schema-mismatch', [0, 3]]]]);
    expect([...sink.rows.values()]).toEqual([
      { n: 1, t: 'a' },
      { n: 2, t: 'b' },
    ]);
  });

  it('compiles a version once for all batches', async () => {
    let reads = 0;
    const latest = {
      get schema() {
        reads += 1;
        return wide.schema;
      },
      version: 2,
    };
    const sink = memorySink({ accepts: 'columns' });
    const { submit } = await tierRig(
      schemaRetry({ sink, schema: narrow, registry: { latest: async () => latest } }),
    );
    for (const n of [1, 2]) await submit([{ rows: [0], reason: 'schema-mismatch' }], ndjson({ n, t: 'a' }));
    expect([sink.rows.size, reads]).toEqual([2, 1]);
  });

  it('sends nothing again when the sink itself refuses the newer schema', async () => {
    const sink = flakySink(memorySink({ accepts: 'columns' }));
    sink.down('schema-mismatch');
    const { submit, left } = await tierRig(schemaRetry({ sink, schema: narrow, registry: holding(wide) }));
    await submit([{ rows: [1], reason: 'schema-mismatch' }], drifted);
    expect([sink.requests, left()]).toEqual([1, [['schema-mismatch', [1]]]]);
  });
});
