import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatDuration, formatShare } from '../../src/cli/format.ts';

describe('numbers for people', () => {
  it.each([
    [0, '0 B'],
    [1_023, '1,023 B'],
    [1_536, '1.5 KiB'],
    [200 * 1_024, '200 KiB'],
    [3 * 2 ** 30, '3.0 GiB'],
  ])('shows %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [12_340, '12.3 s'],
    [59_949, '59.9 s'],
    [59_950, '1:00'],
    [245_000, '4:05'],
    [3_723_000, '1:02:03'],
  ])('shows %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it('never rounds a share to all or nothing', () => {
    expect([
      formatShare(1, 1_000_000),
      formatShare(999_999, 1_000_000),
      formatShare(5, 5),
      formatShare(0, 5),
      formatShare(0, 0),
    ]).toEqual(['< 0.1 %', '> 99.9 %', '100.0 %', '0.0 %', '–']);
    expect(formatCount(1_234_567)).toBe('1,234,567');
  });
});
