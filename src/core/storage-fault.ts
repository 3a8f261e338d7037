/** Translates errors of the operating system into StorageError: one table for the journal and the stores. */
import { StorageError } from './errors.ts';

interface Fault {
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;
}

const FULL: Fault = {
  code: 'STORAGE_FULL',
  hint: 'Free space on that disk (or raise its quota); the same call succeeds then, without a restart.',
  retryable: true,
};
const DENIED: Fault = {
  code: 'STORAGE_DENIED',
  hint: 'Give this user read and write access to the directory, and check that the disk is not mounted read-only.',
  retryable: false,
};
const HANDLES: Fault = {
  code: 'STORAGE_HANDLES',
  hint: 'Too many files are open: raise the limit (ulimit -n).',
  retryable: true,
};
const IO: Fault = {
  code: 'STORAGE_IO',
  hint: 'Look at the system log and the health of the disk; nothing was acknowledged by this call.',
  retryable: true,
};

const FAULTS: Readonly<Record<string, Fault>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: DENIED,
  EMFILE: HANDLES,
  ENFILE: HANDLES,
};

/** The system's code of an error (`ENOENT` …), or undefined when it has none. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * @param action what was tried, with the path: `append to /data/journal/0000000000000000.seg`
 * @returns `error` itself when it already is a StorageError
 */
export function toStorageError(error: unknown, action: string): StorageError {
  if (error instanceof StorageError) return error;
  const fault = FAULTS[errnoOf(error) ?? ''] ?? IO;
  const words = error instanceof Error ? error.message : String(error);
  return new StorageError(fault.code, `could not ${action}: ${words}`, {
    hint: fault.hint,
    retryable: fault.retryable,
    cause: error,
  });
}
