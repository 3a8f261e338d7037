import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/errors.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import type { Sink, WriteRequest } from '../../src/sinks/sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { primary } from '../../src/tiers/primary.ts';
import { batchOf, checkBooksAfterEach, checkReceipt } from '../chain/rig.ts';
import { narrow, ndjson, tierRig } from './tier-rig.ts';

checkBooksAfterEach();

/** All rows reach the tier under test. */
const ALL = [{ rows: 'all', reason: 'unavailable' }] as const;

describe('primary', () => {
  it('hands a bytes sink the batch untouched and undecoded', async () => {
    const requests: WriteRequest[] = [];
    const sink: Sink = {
      name: 'bytes',
      accepts: 'bytes',
      idempotent: true,
      async write(request) {
        requests.push(request);
        return undefined;
      },
    };
    const { submit } = await tierRig(primary({ sink }));
    const body = Buffer.from('not json at all\n\xff\n', 'latin1');
    const receipt = await submit(ALL, { body, format: 'ndjson' });
    checkReceipt(receipt);
    expect([requests[0]?.batch.body, requests[0]?.rows, requests[0]?.columns]).toEqual([
      body,
      'all',
      undefined,
    ]);
    expect(receipt.delivered).toBe(2);
  });

  it('gives records without a schema, and leaves rows that cannot be decoded', async () => {
    const sink = memorySink();
    const { submit, left } = await tierRig(primary({ sink }));
    const receipt = await submit(ALL, ndjson({ n: 1 }, 'nope', { n: 3 }));
    checkReceipt(receipt);
    expect([[...sink.rows.values()], left()]).toEqual([[{ n: 1 }, { n: 3 }], [['undecodable', [1]]]]);
  });

  it.each([
    ['with', narrow],
    ['without', undefined],
  ] as const)('lets others run while it decodes a large body %s a schema', async (_name, schema) => {
    const body = Array.from({ length: 200_000 }, (_, n) => `{"n":${n}}`).join('\n');
    let turns = 0;
    let turning = setImmediate(function turn() {
      turns += 1;
      turning = setImmediate(turn);
    });
    let turnsBefore = 0;
    let received: readonly unknown[] = [];
    const sink: Sink = {
      name: 'records',
      accepts: 'records',
      idempotent: true,
      async write(request) {
        turnsBefore = turns;
        received = request.records ?? [];
        return undefined;
      },
    };
    const { submit } = await tierRig(primary({ sink, ...(schema ? { schema } : {}) }));
    const receipt = await submit(ALL, { body, format: 'ndjson' });
    clearImmediate(turning);
    checkReceipt(receipt);
    expect([received.length, received.at(-1)]).toEqual([200_000, { n: 199_999 }]);
    expect(turnsBefore).toBeGreaterThan(4);
  });

  it.each(['columns', 'records', 'bytes'] as const)('writes %s of conforming rows only', async (accepts) => {
    const sink = memorySink({ accepts });
    const { submit, left } = await tierRig(primary({ sink, schema: narrow }));
    const receipt = await submit(ALL, ndjson({ n: 1 }, { n: 'x' }, 'nope', { n: 4 }));
    checkReceipt(receipt);
    expect(left()).toEqual([
      ['undecodable', [2]],
      ['schema-mismatch', [1]],
    ]);
    const held = [...sink.rows.values()].map((value) =>
      value instanceof Uint8Array ? JSON.parse(Buffer.from(value).toString()) : value,
    );
    expect(held).toEqual([{ n: 1 }, { n: 4 }]);
  });

  it('makes no call for a batch in which no row conforms, and the circuit does not hear of it', async () => {
    const sink = flakySink(memorySink({ accepts: 'columns' }));
    const { submit, engine } = await tierRig(primary({ sink, schema: narrow }), {
      breaker: { failuresInRow: 1 },
    });
    const receipt = await submit(ALL, ndjson({ n: 'x' }));
    expect([sink.requests, receipt.trail[1]?.attempts, engine.breaker('tested')?.circuit]).toEqual([
      0,
      0,
      'closed',
    ]);
  });

  it('adds what the sink refuses to what did not conform', async () => {
    const sink = flakySink(memorySink({ accepts: 'columns' }));
    sink.refuseKeys((key) => key.endsWith('-3'));
    const { submit, left } = await tierRig(primary({ sink, schema: narrow }));
    await submit(ALL, ndjson({ n: 1 }, { n: 'x' }, { n: 3 }, { n: 4 }));
    expect(left()).toEqual([
      ['schema-mismatch', [1]],
      ['refused', [3]],
    ]);
  });

  it.each([undefined, narrow])('says that a thrown failure is of the request as a whole', async (schema) => {
    const sink = flakySink(memorySink({ accepts: 'bytes' }));
    sink.failNext('throttled', 1, { retryAfterMs: 9 });
    const { submit, last } = await tierRig(primary({ sink, ...(schema ? { schema } : {}) }));
    await submit(ALL, batchOf(3));
    expect(last.runs[0]?.cause).toMatchObject([
      { rows: 'all', reason: 'throttled', retryAfterMs: 9, whole: true },
    ]);
  });

  it('takes any other error of a sink for a crash', async () => {
    const sink = memorySink({ accepts: 'bytes' });
    sink.write = () => Promise.reject(new TypeError('bug'));
    const { submit, last } = await tierRig(primary({ sink }));
    await submit(ALL);
    expect(last.runs[0]?.cause).toMatchObject([{ reason: 'crashed', detail: 'bug' }]);
  });

  it('refuses to be made for columns without a schema', () => {
    expect(() => primary({ sink: memorySink({ accepts: 'columns' }) })).toThrow(ConfigError);
  });
});
