import { REJECT, type TierLimits } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import { framer } from '../../src/codecs/codecs.ts';
import { Batch, type BatchInput } from '../../src/core/batch.ts';
import type { Residue } from '../../src/core/outcome.ts';
import { type RowSet, rowIndices } from '../../src/core/row-set.ts';
import type { RawEntry } from '../../src/journal/journal.ts';
import { Field, Int32, Schema, Utf8 } from '../../src/schema/arrow.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { type FakeTier, fakeTier } from '../../src/testing/fake-tier.ts';
import type { Tier } from '../../src/tiers/tier.ts';
import { batchOf, rigOf } from '../chain/rig.ts';

/** `n` is an int, `t` an optional text. */
export const narrow = compileSchema(new Schema([new Field('n', new Int32(), false)]), { tolerance: 1 });
export const wide = compileSchema(
  new Schema([new Field('n', new Int32(), false), new Field('t', new Utf8(), true)]),
  { tolerance: 1 },
);

export function ndjson(...records: readonly unknown[]): BatchInput {
  const body = records.map((one) => `${typeof one === 'string' ? one : JSON.stringify(one)}\n`).join('');
  return { body, format: 'ndjson' };
}

/** A row key of the batch that `rigOf` makes of this input. */
export function keysOf(input: BatchInput): readonly string[] {
  const batch = new Batch(input, 'default', framer, 0);
  return Array.from({ length: batch.rowCount }, (_, row) => batch.rowKey(row));
}

/** `first` fails as told, the tier under test follows, and what it leaves comes to rest in `last`. */
export async function tierRig(tested: Tier, limits: TierLimits = {}) {
  const first = fakeTier();
  const last = fakeTier({ kind: 'last', lands: 'deferred' });
  const tiers: { readonly first: Tier; readonly tested: Tier; readonly last: Tier } = { first, tested, last };
  const chain = defineChain({
    entry: 'first',
    tiers,
    edges: {
      first: { otherwise: 'tested' },
      tested: { otherwise: 'last' },
      last: { otherwise: REJECT },
    },
    limits: { tested: { breaker: false, ...limits } },
  });
  const rig = rigOf(chain);
  await rig.engine.open();
  const submit = (causes: readonly Residue[], input: BatchInput = batchOf(10)) => {
    first.answer({ residue: causes });
    return rig.engine.submit(input);
  };
  return { ...rig, first, last, submit, left: () => causesOf(last) };
}

/** What came to rest: reason and rows, in order. */
function causesOf(last: FakeTier): [string, readonly number[]][] {
  return last.runs.flatMap(({ cause, work }) =>
    cause.map(({ reason, rows }): [string, readonly number[]] => [
      reason,
      rowIndices(rows, work.batch.rowCount),
    ]),
  );
}

/** A cause as a request that failed as one. */
export function whole(reason: string, rows: RowSet = 'all', more: Partial<Residue> = {}): Residue {
  return { rows, reason, whole: true, ...more };
}

/** A sink without idempotent keys that remembers every write it ever applied. */
export function writeMemory(accepts: Sink['accepts'] = 'bytes') {
  const applied: string[] = [];
  const attempts: string[] = [];
  const sink: Sink = {
    name: 'write-memory',
    accepts,
    idempotent: false,
    async write(request) {
      attempts.push(request.attemptId);
      applied.push(...request.keys);
      return undefined;
    },
  };
  const lookup = async (keys: readonly string[]) => new Set(keys.filter((key) => applied.includes(key)));
  return { sink, applied, attempts, lookup };
}

/** A journal that keeps entries in memory, and fails when told. */
export function memoryJournal() {
  const entries: RawEntry[] = [];
  const failures: unknown[] = [];
  let hold: Promise<void> | undefined;
  return {
    entries,
    /** The next append rejects. */
    failNext: (error: unknown) => failures.push(error),
    holdUntil: (released: Promise<void>) => {
      hold = released;
    },
    async append(entry: RawEntry): Promise<number> {
      if (failures.length > 0) throw failures.shift();
      await hold;
      entries.push(entry);
      return entries.length - 1;
    },
  };
}
