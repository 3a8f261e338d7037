import { describe, expect, it } from 'vitest';
import { workplace } from './workplace.ts';

describe('tierfall run --ordering-key', () => {
  it('promises order only while no batch is deferred', async () => {
    const { out } = await workplace().tierfall(['run', '--help']);
    const words = out.replaceAll(/\s+/g, ' ');
    expect(words).toContain('in submit order while none of them is deferred');
    expect(words).not.toContain('across an outage');
  });
});
