/** Tells one file from another that took its path. */
import { statSync } from 'node:fs';

/**
 * Device and inode of a file, without waiting: for callers that must not give way between looking and writing.
 * @returns undefined when there is no such file, or it may not be looked at
 */
export function fileIdentity(file: string): string | undefined {
  try {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    return found && `${found.dev}:${found.ino}`;
  } catch {
    return undefined;
  }
}
