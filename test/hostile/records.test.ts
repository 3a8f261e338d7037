import { describe, expect, it } from 'vitest';
import { extractRows } from '../../src/codecs/codecs.ts';
import { rowIndices } from '../../src/core/row-set.ts';
import { detectDrift } from '../../src/schema/drift/detect-drift.ts';
import { batchOf } from '../codecs/batches.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';
import { fuzzSchema } from './fuzz.ts';

const GOOD = '{"id":1,"text":"a","temp":1,"at":"2024-01-01T00:00:00Z","ok":true,"tags":[]}';

function nested(levels: number, open: string, close: string, value: string): string {
  return open.repeat(levels) + value + close.repeat(levels);
}

/** Values that no reader can take in little time, each of them in a row between two good ones. */
const VALUES: readonly (readonly [name: string, value: string, reason: string])[] = [
  ['10,000 arrays', nested(10_000, '[', ']', ''), 'nested deeper than 1000 levels'],
  ['10,000 objects', nested(10_000, '{"a":', '}', '1'), 'nested deeper than 1000 levels'],
  [
    '10,000 arrays round a long integer',
    nested(10_000, '[', ']', '12345678901234567890'),
    'nested deeper than 1000 levels',
  ],
  [
    '1,000,000 objects round a long integer',
    nested(1_000_000, '{"a":', '}', '12345678901234567890'),
    'nested deeper than 1000 levels',
  ],
  ['an integer of 1,000,000 digits', '9'.repeat(1_000_000), 'an integer has 1000000 digits, more than 4300'],
];

describe.each(VALUES)('a row with %s', (_, value, reason) => {
  it.each(['id', 'text', 'tags', 'unknown'])(
    'in %s is undecodable in words, costs no other row, and keeps its bytes',
    async (name) => {
      const row = `{"${name}":${value}}`;
      const batch = batchOf([GOOD, row, GOOD].join('\n'), 'ndjson');
      const schema = fuzzSchema();
      const cpuMs = cpuStopwatch();
      const { columns, residue } = await schema.checkInTurns(batch, 'all');
      const coerced = await schema.coerce(batch, 'all');
      const drift = await detectDrift(batch, schema);
      expect(cpuMs()).toBeLessThan(1000);
      expect(columns.rows).toEqual([0, 2]);
      expect(residue).toMatchObject([{ rows: [1], reason: 'undecodable' }]);
      expect(residue[0]?.detail).toContain(`row 1 (byte ${GOOD.length + 1}): `);
      expect(residue[0]?.detail).toContain(reason);
      expect(coerced.columns.rows).toEqual([0, 2]);
      expect(coerced.residue).toEqual(residue);
      expect([drift.rows, drift.undecodable]).toEqual([2, 1]);
      const kept = extractRows(batch, rowIndices(residue[0]?.rows ?? [], 3));
      expect(Buffer.from(kept).toString().trimEnd()).toBe(row);
    },
  );
});
