/** Translates what Redis and its clients throw into errors that say what to do. */
import { ConfigError, StorageError, TierfallError } from '../../core/errors.ts';

interface Fault {
  readonly words: RegExp;
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;
}

const AWAY: Omit<Fault, 'words'> = {
  code: 'QUEUE_UNAVAILABLE',
  hint: 'Start that Redis, or correct its address; what waits is announced again by itself once it answers.',
  retryable: true,
};

const FAULTS: readonly Fault[] = [
  {
    words: /^OOM/,
    code: 'QUEUE_FULL',
    hint: 'Raise maxmemory of that Redis; what waits is announced again by itself.',
    retryable: true,
  },
  {
    words: /NOAUTH|WRONGPASS|NOPERM|invalid password/i,
    code: 'QUEUE_CREDENTIALS',
    hint: 'Give a user and password that may read and write keys under the prefix of the queue, and run scripts.',
    retryable: false,
  },
  {
    words: /^READONLY|^MISCONF|^LOADING|^CLUSTERDOWN|^MASTERDOWN/,
    code: 'QUEUE_UNAVAILABLE',
    hint: 'That Redis takes no writes now: look at its log, and whether a failover is under way.',
    retryable: true,
  },
];

/** @returns `error` itself when it already is one of ours */
export function toQueueError(error: unknown): TierfallError {
  if (error instanceof TierfallError) return error;
  const words = error instanceof Error ? error.message : String(error);
  const { code, hint, retryable } = FAULTS.find((fault) => fault.words.test(words)) ?? AWAY;
  return new StorageError(code, `the queue in Redis could not be used: ${words}`, {
    hint,
    retryable,
    cause: error,
  });
}

/** What to say when an optional peer is not there. */
export function missingPackage(name: string, cause: unknown): ConfigError {
  return new ConfigError(
    'queue',
    `needs the package ${name}, which cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
    'Install both beside tierfall: npm install bullmq ioredis',
    cause,
  );
}
