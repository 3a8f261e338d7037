import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createFallback } from '../../src/assembly/fallback.ts';
import { sqliteSink } from '../../src/assembly/local-sinks.ts';
import { Field, Int32, Schema } from '../../src/schema/arrow.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { workplace } from '../cli/workplace.ts';
import { closedDirectory, unprivileged } from './privileges.ts';

const DENIED = { name: 'StorageError', code: 'STORAGE_DENIED', hint: expect.stringContaining('access') };

describe('a directory without permission', () => {
  it('is refused as a data directory by name, before anything is accepted', async () => {
    const closed = closedDirectory();
    await unprivileged(async () => {
      for (const dir of [join(closed, 'data'), join(closed, 'inner')]) {
        await expect(createFallback({ dir, sink: memorySink() })).rejects.toMatchObject({
          ...DENIED,
          message: expect.stringContaining(closed),
        });
      }
    });
  });

  it.each([
    ['run', ['run', '-i', 'in.ndjson', '--sink', 'sqlite:x.db']],
    ['status', ['status']],
    ['verify', ['verify']],
    ['quarantine', ['quarantine', 'list']],
    ['reconcile', ['reconcile', '--sink', 'sqlite:x.db']],
    ['worker', ['worker', '--sink', 'sqlite:x.db']],
  ])('is refused by tierfall %s with exit code 1, code and hint', async (_, args) => {
    const closed = closedDirectory();
    const place = workplace();
    chmodSync(place.path, 0o777);
    place.file('in.ndjson', '{"n":1}\n');
    const ran = await unprivileged(() => place.tierfall([...args, '--dir', join(closed, 'inner')]));
    expect(ran.code, ran.err).toBe(1);
    expect(ran.err).toContain('STORAGE_DENIED');
    expect(ran.err).toContain(closed);
    expect(ran.err).toContain('hint: ');
    expect(ran.err).not.toContain('unexpected');
  });

  it('as the place of the sink defers every record, and they land once it is open', async () => {
    const closed = closedDirectory();
    const data = mkdtempSync(join(tmpdir(), 'tierfall-data-'));
    chmodSync(data, 0o777);
    onTestFinished(() => rmSync(data, { recursive: true, force: true }));
    await unprivileged(async () => {
      const fallback = await createFallback({
        dir: join(data, 'd'),
        sink: sqliteSink({ file: join(closed, 'inner', 'x.db'), table: 't' }),
        schema: new Schema([new Field('n', new Int32(), false)]),
        retry: { attemptsMax: 1, firstMs: 1 },
        worker: { idleMs: 10 },
      });
      const receipt = await fallback.submit({ body: '{"n":1}\n{"n":2}\n', format: 'ndjson' });
      expect(receipt).toMatchObject({ deferred: 2, rejected: 0 });
      await fallback.close();
    });
    // The same pipeline as a user who may write there.
    const fallback = await createFallback({
      dir: join(data, 'd'),
      sink: sqliteSink({ file: join(closed, 'inner', 'x.db'), table: 't' }),
      schema: new Schema([new Field('n', new Int32(), false)]),
    });
    if (process.getuid?.() !== 0) chmodSync(closed, 0o700);
    expect(await fallback.reconcile({ patienceMs: 5_000 })).toMatchObject({ drained: true });
    expect(await fallback.report()).toMatchObject({ delivered: 2, balanced: true });
    await fallback.close();
  });
});
