import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFallback } from '../../src/assembly/fallback.ts';
import { DirectoryLockedError } from '../../src/core/errors.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';

const HOLDER = join(import.meta.dirname, 'lock-holder.ts');

let dir = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tierfall-lock-'));
  mkdirSync(join(dir, 'journal'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  rmSync(dir, { recursive: true, force: true });
});

/** Another process that has the journal from now on, for `ms`. */
async function holdElsewhere(ms: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [HOLDER, join(dir, 'journal'), String(ms)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

describe('a writer that starts while another process holds the journal', () => {
  it('gets in when that lasts for 200 ms only', async () => {
    await holdElsewhere(200);
    const fallback = await createFallback({ dir, sink: memorySink() });
    expect(await fallback.submit({ format: 'ndjson', body: '{"n":1}\n' })).toMatchObject({ delivered: 1 });
    await fallback.close();
  });

  it('is refused in less than a second when that lasts longer, naming the process', async () => {
    const { pid } = await holdElsewhere(30_000);
    const startedMs = performance.now();
    const refusal = await createFallback({ dir, sink: memorySink() }).catch((error: unknown) => error);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(refusal).toBeInstanceOf(DirectoryLockedError);
    expect(String(refusal)).toContain(`pid ${pid}`);
  });
});
