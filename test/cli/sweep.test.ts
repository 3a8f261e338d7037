import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFallback, functionSink, SinkError } from '../../src/index.ts';
import { type Workplace, workplace } from './workplace.ts';

/** A data directory with `objects` deferred objects, all of them announced. */
async function deferred(objects: number): Promise<Workplace> {
  const place = workplace();
  const sink = functionSink(async () => {
    throw new SinkError('missing-target', 'the table is gone');
  });
  const fallback = await createFallback({ dir: join(place.path, '.tierfall'), sink, worker: false });
  for (let n = 0; n < objects; n += 1) {
    await fallback.submit({ body: `{"n":${n}}\n`, format: 'ndjson' });
    await fallback.flush();
  }
  await fallback.close();
  return place;
}

async function swept(place: Workplace) {
  const { code, out } = await place.tierfall(['sweep', '--json']);
  const [table] = out.split('\n').flatMap((line) => (line.includes('"Sweep"') ? [JSON.parse(line)] : []));
  return { code, ...(table as { rows: readonly object[] }).rows[0] };
}

describe('tierfall sweep', () => {
  it('announces what the queue has forgotten, once', async () => {
    const place = await deferred(3);
    expect(await swept(place)).toMatchObject({ code: 0, objects: 3, 'already known': 3, announced: 0 });
    for (const end of ['', '-wal', '-shm'])
      rmSync(join(place.path, `.tierfall/state.db${end}`), { force: true });
    expect(await swept(place)).toMatchObject({ code: 0, objects: 3, 'already known': 0, announced: 3 });
    expect(await swept(place)).toMatchObject({ code: 0, 'already known': 3, announced: 0 });
  });

  it('ends with 1 and names what cannot be read', async () => {
    const place = await deferred(2);
    for (const end of ['', '-wal', '-shm'])
      rmSync(join(place.path, `.tierfall/state.db${end}`), { force: true });
    const [object = ''] = place.below('.tierfall/objects').filter((name) => name.endsWith('.parquet'));
    const file = join(place.path, '.tierfall/objects', object);
    rmSync(file, { force: true });
    writeFileSync(file, 'no object');
    expect(await swept(place)).toMatchObject({ code: 1, objects: 2, announced: 1, unreadable: 1 });
    const { out } = await place.tierfall(['sweep']);
    expect(out).toContain(object);
  });

  it('refuses a directory that is not there', async () => {
    expect((await workplace().tierfall(['sweep'])).code).toBe(2);
  });
});
