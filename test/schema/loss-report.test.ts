import { describe, expect, it } from 'vitest';
import type { LossEntry, LossReport } from '../../src/core/loss.ts';
import { emptyLoss, mergeLoss } from '../../src/core/loss.ts';
import { lossTable } from '../../src/schema/loss/loss-table.ts';

function entry(name: string, count: number, before = '1', lossless = true): LossEntry {
  return { field: name, kind: 'renamed', lossless, count, samples: [{ row: 0, before, after: '2' }] };
}

function reportOf(...entries: LossEntry[]): LossReport {
  return { entries, cells: entries.reduce((sum, { count }) => sum + count, 0), cellsTotal: 100 };
}

describe('merging loss reports', () => {
  it('adds counts by field, kind and losslessness, keeps three samples and changes neither report', () => {
    const a = reportOf(entry('a', 2), entry('b', 1));
    const before = structuredClone(a);
    const merged = [a, a, a, a].reduce(mergeLoss, emptyLoss);
    expect(merged.entries.map(({ field, count, samples }) => [field, count, samples.length])).toEqual([
      ['a', 8, 3],
      ['b', 4, 3],
    ]);
    expect([merged.cells, merged.cellsTotal]).toEqual([12, 400]);
    expect(mergeLoss(reportOf(entry('a', 1)), reportOf(entry('a', 1, '1', false))).entries).toHaveLength(2);
    expect(a).toEqual(before);
    expect(emptyLoss.entries).toHaveLength(0);
  });
});

describe('the loss table', () => {
  it('aligns its columns, counts descending, and shortens samples to one line of 32 characters', () => {
    const table = lossTable(
      reportOf(entry('a', 2, 'x'.repeat(100)), entry('long name', 10, 'a\n\u001b[31mb', false)),
    );
    expect(table.split('\n')).toEqual([
      'field      change   lossy  cells  example',
      'long name  renamed  yes       10  a··[31mb -> 2',
      `a          renamed  no         2  ${'x'.repeat(31)}… -> 2`,
      '12 of 100 cells changed',
    ]);
  });

  it('says so when nothing changed', () => {
    expect(lossTable(emptyLoss).split('\n').at(-1)).toBe('0 of 0 cells changed');
  });
});
