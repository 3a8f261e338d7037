import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Identity } from '../../src/journal/identity.ts';
import { PendingTable } from '../../src/journal/pending-table.ts';

function identityOf(n: number): Identity {
  return { a: 0, b: n % 3, c: 0, d: n };
}

describe('the table of waiting entries', () => {
  it('finds exactly those who were added and not deleted, in whatever order that happens', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(600), { maxLength: 3_000 }), (numbers) => {
        const table = new PendingTable<Identity>();
        const model = new Map<number, Identity>();
        for (const n of numbers) {
          const held = model.get(n);
          if (held === undefined) {
            const item = identityOf(n);
            table.add(item);
            model.set(n, item);
          } else {
            table.delete(held);
            model.delete(n);
          }
        }
        for (let n = 0; n <= 600; n += 1) expect(table.find(identityOf(n))).toBe(model.get(n));
      }),
    );
  });

  it('keeps everybody while it grows and shrinks', () => {
    const table = new PendingTable<Identity>();
    const items = Array.from({ length: 50_000 }, (_, n) => identityOf(n));
    for (const item of items) table.add(item);
    for (const item of items) expect(table.find({ ...item })).toBe(item);
    for (const item of items.slice(0, 49_900)) table.delete(item);
    for (const item of items.slice(0, 49_900)) expect(table.find(item)).toBeUndefined();
    for (const item of items.slice(49_900)) expect(table.find(item)).toBe(item);
  });

  it('deletes nobody for one who is not there', () => {
    const table = new PendingTable<Identity>();
    const item = identityOf(7);
    table.add(item);
    table.delete(identityOf(8));
    table.delete({ ...item });
    expect(table.find(item)).toBe(item);
  });
});
