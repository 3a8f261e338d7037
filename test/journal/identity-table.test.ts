import { describe, expect, it } from 'vitest';
import { identityText, isKey, writeIdentity } from '../../src/journal/identity.ts';
import { IdentityTable } from '../../src/journal/identity-table.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';

function wordsOf(number: number): Uint32Array {
  return Uint32Array.of(0, 0, 0, number);
}

describe('the identity table', () => {
  it('finds every identity in the segment it was added to, also when keys differ in one digit only', () => {
    const table = new IdentityTable(new Uint8Array(65_536).fill(1));
    const count = 100_000;
    for (let n = 0; n < count; n += 1) table.add(wordsOf(n), 1 + (n % 7));
    for (let n = 0; n < count; n += 1) expect(table.candidates(wordsOf(n))).toContain(1 + (n % 7));
    let vain = 0;
    for (let n = count; n < 2 * count; n += 1) vain += table.candidates(wordsOf(n)).length;
    expect(vain).toBeLessThan(10);
    expect(table.bytes / count).toBeLessThan(6 * 3);
  });

  it('does not name segments that are gone, and gives their memory back', async () => {
    const alive = new Uint8Array(65_536).fill(1);
    const table = new IdentityTable(alive);
    for (let n = 0; n < 2_500_000; n += 1) table.add(wordsOf(n), n < 2_400_000 ? 1 : 2);
    const full = table.bytes;
    expect(full / 2_500_000).toBeLessThan(12);
    alive[1] = 0;
    expect(table.candidates(wordsOf(5))).toEqual([]);
    expect(table.candidates(wordsOf(2_450_000))).toEqual([2]);
    await table.compact(100_000);
    expect(table.bytes).toBeLessThan(full / 8);
    expect(table.candidates(wordsOf(2_450_000))).toEqual([2]);
  });

  it('names each of two segments that hold the same identity', () => {
    const table = new IdentityTable(new Uint8Array(65_536).fill(1));
    for (const segment of [3, 9, 3]) table.add(wordsOf(7), segment);
    expect([...table.candidates(wordsOf(7))].sort()).toEqual([3, 9]);
    table.clear();
    expect(table.candidates(wordsOf(7))).toEqual([]);
  });
});

describe('an identity', () => {
  it('is the key for a whole batch, and differs by purpose and by rows', () => {
    const whole = sampleEntry(0xabc);
    const texts = [
      whole,
      { ...whole, purpose: 'heal' as const },
      { ...whole, rows: [0] },
      { ...whole, rows: [1] },
    ].map(identityText);
    expect(texts[0]).toBe(whole.key);
    const words = texts.map((text) => {
      const found = new Uint32Array(4);
      writeIdentity(text, found);
      return found.join();
    });
    expect(new Set(words).size).toBe(4);
    expect(words[0]).toBe('0,0,0,2748');
  });

  it('takes 32 lower-case hex digits for a key, and nothing else', () => {
    expect(isKey('0123456789abcdef0123456789abcdef')).toBe(true);
    for (const text of ['', 'x'.repeat(32), 'A'.repeat(32), '0'.repeat(31), '0'.repeat(33), 'é'.repeat(32)]) {
      expect(isKey(text), text).toBe(false);
    }
  });
});
