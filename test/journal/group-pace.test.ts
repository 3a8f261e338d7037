import { describe, expect, it } from 'vitest';
import { GroupPace } from '../../src/journal/group-pace.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

/** After many groups of 256 whose work and syncs took so long. */
async function paced(workMs: number, syncMs: number): Promise<GroupPace> {
  const clock = new ManualClock();
  const pace = new GroupPace(clock);
  for (let group = 0; group < 30; group += 1) {
    const started = pace.now();
    await clock.advance(workMs);
    pace.worked(started, 256);
    const syncing = pace.now();
    await clock.advance(syncMs);
    pace.synced(syncing);
  }
  return pace;
}

describe('the pace of groups', () => {
  it('takes everybody while nothing was measured', () => {
    expect(new GroupPace(new ManualClock()).entriesMax(256)).toBe(Number.POSITIVE_INFINITY);
  });

  it('takes everybody where a sync takes longer than the work', async () => {
    expect((await paced(1, 5)).entriesMax(256)).toBe(Number.POSITIVE_INFINITY);
  });

  it('takes half of those who wait where a sync is quicker than the work', async () => {
    const pace = await paced(4, 1);
    expect(pace.entriesMax(256)).toBe(128);
    expect(pace.entriesMax(1_000)).toBe(500);
  });

  it('does not split a few', async () => {
    expect((await paced(400, 1)).entriesMax(40)).toBe(Number.POSITIVE_INFINITY);
  });
});
