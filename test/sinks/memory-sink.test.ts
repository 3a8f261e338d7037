import { expect, it } from 'vitest';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { failure, numbers } from './sqlite-target.ts';

it('keeps the order in which keys were applied, replacements included', async () => {
  const sink = memorySink();
  await sink.write(numbers([1, 2]));
  await sink.write(numbers([3, 4, 5]));
  await sink.write(numbers([9], { mode: 'upgrade' }));
  expect(sink.order).toEqual(['k-0', 'k-1', 'k-2', 'k-0']);
  expect([sink.writes, sink.rows.get('k-0')]).toEqual([3, expect.objectContaining({ n: 9 })]);
});

it('keeps its own copy of the bytes of each row', async () => {
  const sink = memorySink({ accepts: 'bytes', name: 'raw' });
  const request = numbers([1, 22, 333], { rows: [0, 2] });
  await sink.write(request);
  request.batch.body.fill(0);
  const texts = [...sink.rows].map(([key, bytes]) => [key, Buffer.from(bytes as Uint8Array).toString()]);
  expect(texts).toEqual([
    ['k-0', '[1]'],
    ['k-2', '[333]'],
  ]);
});

it.each([
  ['records', { records: undefined }],
  ['records', { records: [] }],
  ['columns', { columns: undefined }],
  ['columns', { columns: { columns: [], rows: [], vectors: [] } }],
] as const)('blames the tier for a request whose %s do not fit: %o', async (accepts, fault) => {
  const error = await failure(memorySink({ accepts }), { ...numbers([1]), ...fault });
  expect([error.reason, error.retryable]).toEqual(['crashed', false]);
});
