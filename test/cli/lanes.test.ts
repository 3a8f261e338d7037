import { expect, it } from 'vitest';
import { lanesOf } from '../../src/cli/lanes.ts';
import { ConfigError } from '../../src/core/errors.ts';

it('reads lanes and ranges of lanes', () => {
  expect(lanesOf(undefined)).toBeUndefined();
  expect(lanesOf('3')).toEqual(new Set([3]));
  expect(lanesOf('0-2, 12,1-3')).toEqual(new Set([0, 1, 2, 3, 12]));
  expect(lanesOf('0-15')?.size).toBe(16);
});

it.each(['', '16', '0-16', '3-1', '-1', '1-', 'a', '1,,2', '1.5'])('refuses %j', (text) => {
  expect(() => lanesOf(text)).toThrow(ConfigError);
});
