import { expect, it } from 'vitest';
import { runRebuild } from '../campaigns/rebuild.ts';

it.each(['redis', 'embedded'] as const)(
  'fills an empty queue (%s) from a store, every object once, in parts',
  async (queue) => {
    const refs = 1_300;
    const { report, waiting } = await runRebuild({ refs, queue, bodyBytes: 200, say: () => undefined });
    expect(report).toEqual({ objects: refs, settled: 0, known: 0, announced: refs, unreadable: [] });
    expect(waiting).toBe(refs);
  },
);
