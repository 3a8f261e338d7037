import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Residue } from '../../src/core/outcome.ts';
import { FIELDS, messyBatch, messyRecord, NESTED } from './messy-records.ts';
import { batchOf, compiled, reencode, valuesOf } from './schemas.ts';

function rowsOf(residue: readonly Residue[]): number[] {
  return residue.flatMap(({ rows }) => (rows === 'all' ? [] : [...rows]));
}

describe('whatever the data', () => {
  const schema = compiled(FIELDS);

  it('every row is in the columns or in exactly one residue, for the check and for the coercion', async () => {
    const bodies = fc.array(
      fc.oneof(
        messyRecord.map((record) => JSON.stringify(record, (_, v) => (typeof v === 'bigint' ? String(v) : v))),
        fc.string(),
      ),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(
        bodies,
        fc.constantFrom('ndjson', 'json', 'csv', 'line-protocol', 'opaque'),
        async (lines, format) => {
          const batch = batchOf(`${lines.join('\n')}\n`, format);
          const all = Array.from({ length: batch.rowCount }, (_, row) => row);
          const checked = schema.check(batch, 'all');
          expect([...checked.columns.rows, ...rowsOf(checked.residue)].sort((a, b) => a - b)).toEqual(all);
          const coerced = await schema.coerce(batch, 'all');
          expect([...coerced.columns.rows, ...rowsOf(coerced.residue)].sort((a, b) => a - b)).toEqual(all);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('the output passes the strict check, and coercing it again changes nothing', async () => {
    let landed = 0;
    await fc.assert(
      fc.asyncProperty(messyBatch, async (batch) => {
        const first = await schema.coerce(batch, 'all');
        if (first.columns.rows.length === 0) return;
        landed += first.columns.rows.length;
        const again = reencode(first.columns, NESTED);
        const checked = schema.check(again, 'all');
        expect(checked.residue).toEqual([]);
        expect(valuesOf(checked.columns)).toEqual(valuesOf(first.columns));
        const second = await schema.coerce(again, 'all');
        expect([second.loss.entries, second.degradedRows, second.residue]).toEqual([[], [], []]);
        expect(valuesOf(second.columns)).toEqual(valuesOf(first.columns));
      }),
      { numRuns: 1500 },
    );
    expect(landed).toBeGreaterThan(1000);
  });

  it('the loss report counts exactly the changed cells, and no honest coercion is found unaccounted', async () => {
    await fc.assert(
      fc.asyncProperty(messyBatch, async (batch) => {
        const { columns, loss, degradedRows, residue } = await schema.coerce(batch, 'all');
        expect(loss.entries.reduce((sum, { count }) => sum + count, 0)).toBe(loss.cells);
        expect(loss.cells).toBeGreaterThanOrEqual(degradedRows.length);
        expect(residue.filter(({ detail }) => detail?.startsWith('unaccounted'))).toEqual([]);
        const strict = new Set(schema.check(batch, 'all').columns.rows);
        expect(columns.rows.filter((row) => !strict.has(row))).toEqual(degradedRows);
      }),
      { numRuns: 1500 },
    );
  });
});
