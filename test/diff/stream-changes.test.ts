import { describe, expect, it } from 'vitest';
import type { DiffChange } from '../../src/diff/change.ts';
import { diffRecords } from '../../src/diff/diff-records.ts';
import { streamChanges } from '../../src/diff/stream-changes.ts';

const many = Array.from({ length: 50 }, (_, id) => ({ id }));

describe('changes as a stream', () => {
  it('gives every change in order, and the report at the end', async () => {
    const stream = streamChanges((onChange) => diffRecords(many, [], { key: ['id'], onChange }));
    const keys: unknown[] = [];
    let next = await stream.next();
    for (; !next.done; next = await stream.next()) keys.push(next.value.key[0]);
    expect(keys).toEqual(many.map(({ id }) => id));
    expect(next.value).toMatchObject({ removed: 50 });
  });

  it('does no more than is asked for', async () => {
    let told = 0;
    const stream = streamChanges((onChange) => {
      const count = (change: DiffChange): void | Promise<void> => {
        told += 1;
        return onChange(change);
      };
      return diffRecords(many, [], { key: ['id'], onChange: count });
    });
    await stream.next();
    await stream.next();
    expect(told).toBe(2);
    await stream.return({} as never);
    expect(told).toBe(2);
  });

  it('ends without a change, and throws what the comparison throws', async () => {
    const none = streamChanges((onChange) => diffRecords(many, many, { key: ['id'], onChange }));
    expect(await none.next()).toMatchObject({ done: true, value: { isEqual: true } });
    const failing = streamChanges(() => Promise.reject(new Error('no such source')));
    await expect(failing.next()).rejects.toThrow('no such source');
  });
});
