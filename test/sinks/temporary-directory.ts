import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A fresh empty directory; whoever asks removes it. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'tierfall-sinks-'));
}
