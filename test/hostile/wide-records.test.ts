import { describe, expect, it } from 'vitest';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { fromJsonSchema } from '../../src/schema/declare/from-json-schema.ts';
import { detectDrift } from '../../src/schema/drift/detect-drift.ts';
import type { DriftReport } from '../../src/schema/drift/drift-report.ts';
import { batchOf } from '../codecs/batches.ts';

const NAMES = 100_000;
const GOOD = '{"a":"x","n":1}';

/** A row with many names that nobody knows, between two of its own fields. */
function wideRow(nameOf: (index: number) => string): string {
  const members = Array.from({ length: NAMES }, (_, index) => `"${nameOf(index)}":${index}`);
  return `{"a":"x",${members.join(',')},"n":1}`;
}

const KINDS: readonly (readonly [kind: string, nameOf: (index: number) => string])[] = [
  ['ascend', (index) => `k${1_000_000 + index}`],
  ['descend', (index) => `k${2_000_000 - index}`],
  ['are integers', (index) => `${index}`],
  ['are integers far apart', (index) => `${index * 40_000}`],
  ['share their beginning of 120 characters', (index) => `${'p'.repeat(120)}${index}`],
];

/** Names from the data aside, which may be other ones. */
function countsOf({ rows, cells, mismatched, undecodable, fields, entries }: DriftReport): unknown {
  const extra = entries.reduce((sum, { kind, count }) => sum + (kind === 'extra' ? count : 0), 0);
  return { rows, cells, mismatched, undecodable, fields, extra, isBounded: entries.length <= 257 };
}

describe.each(KINDS)('a record of 100,000 names that %s', (_, nameOf) => {
  const schema = compileSchema(
    fromJsonSchema({ type: 'object', properties: { a: { type: 'string' }, n: { type: 'integer' } } }),
  );

  it('is counted whole, by the check and by the detector, from bytes and from a parsed record', async () => {
    const row = wideRow(nameOf);
    const { drift, residue } = schema.check(batchOf(`${GOOD}\n${row}`, 'ndjson'), 'all');
    expect(residue).toMatchObject([{ rows: [1] }]);
    expect(countsOf(drift)).toMatchObject({ rows: 2, mismatched: NAMES, extra: NAMES, isBounded: true });
    const fromBytes = await detectDrift(batchOf(`${GOOD}\n${row}`, 'ndjson'), schema);
    const fromRecords = await detectDrift([JSON.parse(GOOD), JSON.parse(row)], schema);
    expect(countsOf(fromBytes)).toEqual(countsOf(drift));
    expect(countsOf(fromRecords)).toEqual(countsOf(drift));
  });

  it('is stripped in turns, with every cell in the loss report', async () => {
    let turns = 0;
    const yieldToLoop = async (): Promise<void> => {
      turns += 1;
    };
    const inTurns = compileSchema(schema.schema, { yieldToLoop });
    const { columns, loss } = await inTurns.coerce(batchOf(`${GOOD}\n${wideRow(nameOf)}`, 'ndjson'), 'all');
    expect(columns.rows).toEqual([0, 1]);
    expect([loss.cells, loss.entries.length <= 257]).toEqual([NAMES, true]);
    expect(turns).toBeGreaterThan(50);
  });
});
