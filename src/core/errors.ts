/**
 * Every error a user can meet: a stable `code` to match on, `retryable` to act on, a `hint` to read.
 * Third-party errors are translated into these once, in the file that owns the third party.
 */
import type { Receipt } from './outcome.ts';
import type { Reason } from './reason.ts';

export interface ErrorDetails {
  /** What the operator should do next, in one sentence. */
  readonly hint: string;
  /** Whether the same call may succeed later without a change. @default false */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** The root of all errors this package throws. */
export class TierfallError extends Error {
  override readonly name: string = 'TierfallError';
  readonly code: string;
  readonly retryable: boolean;
  readonly hint: string;

  constructor(code: string, message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.hint = details.hint;
  }

  /** Message and hint as one text for people. */
  explain(): string {
    return `${this.message}\n  hint: ${this.hint} [${this.code}]`;
  }
}

/** A setting is wrong: `path` names the option, the message says what was found and what was expected. */
export class ConfigError extends TierfallError {
  override readonly name = 'ConfigError';
  readonly path: string;

  constructor(path: string, message: string, hint: string, cause?: unknown) {
    super('CONFIG_INVALID', `${path}: ${message}`, { hint, cause });
    this.path = path;
  }
}

/** The graph of a chain is wrong; thrown by `defineChain`, never later. */
export class ChainDefinitionError extends TierfallError {
  override readonly name = 'ChainDefinitionError';

  constructor(message: string, hint: string) {
    super('CHAIN_INVALID', message, { hint });
  }
}

/** A batch cannot be accepted as it is: empty, over a limit, of an unknown format. */
export class BatchError extends TierfallError {
  override readonly name = 'BatchError';
}

/** A schema is unusable: the message names the field. */
export class SchemaError extends TierfallError {
  override readonly name = 'SchemaError';
}

/** Input bytes could not be read as records; `offset` is the byte where it went wrong. */
export class InputError extends TierfallError {
  override readonly name = 'InputError';
  readonly offset: number | undefined;

  constructor(code: string, message: string, details: ErrorDetails & { readonly offset?: number }) {
    super(code, message, details);
    this.offset = details.offset;
  }
}

/** Disk, directory or object store failed. `ENOSPC`, `EACCES` and friends are in `code` as `STORAGE_…`. */
export class StorageError extends TierfallError {
  override readonly name = 'StorageError';
}

/** Another process owns the data directory. */
export class DirectoryLockedError extends TierfallError {
  override readonly name = 'DirectoryLockedError';

  constructor(directory: string, owner: string) {
    super('DIRECTORY_LOCKED', `${directory} is in use by ${owner}`, {
      hint: 'Stop that process, or give this one another --dir. It takes over by itself once the owner is gone.',
      retryable: true,
    });
  }
}

export interface SinkErrorDetails extends Partial<ErrorDetails> {
  /** The sink's own wish, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

/** A whole write failed with one reason. Failures of single rows are data (a residue), not an error. */
export class SinkError extends TierfallError {
  override readonly name = 'SinkError';
  readonly reason: Reason;
  readonly retryAfterMs: number | undefined;

  constructor(reason: Reason, message: string, details: SinkErrorDetails = {}) {
    super(`SINK_${reason.toUpperCase().replaceAll('-', '_')}`, message, {
      hint: details.hint ?? `The sink answered "${reason}"; the chain routes the records by that reason.`,
      retryable: details.retryable ?? true,
      cause: details.cause,
    });
    this.reason = reason;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * There is no room for this batch, in the engine or in the journal: submit it again after `retryAfterMs`. Nothing landed;
 * when tiers were tried before, `cause` is the ChainExhaustedError with the receipt.
 */
export class BackpressureError extends TierfallError {
  override readonly name = 'BackpressureError';
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number, cause?: ChainExhaustedError) {
    super('BACKPRESSURE', message, {
      hint: `Submit the same batch again in ${retryAfterMs} ms, or use engine.run(), which waits by itself.`,
      retryable: true,
      cause,
    });
    this.retryAfterMs = retryAfterMs;
  }
}

export class EngineClosedError extends TierfallError {
  override readonly name = 'EngineClosedError';

  constructor() {
    super('ENGINE_CLOSED', 'the engine is closed', {
      hint: 'Create a new engine; this batch was not accepted.',
    });
  }
}

/** No tier could take some records. The caller still owns exactly the rows in `receipt.rejections`. */
export class ChainExhaustedError extends TierfallError {
  override readonly name = 'ChainExhaustedError';
  readonly receipt: Receipt;

  constructor(receipt: Receipt) {
    const reasons = [...new Set(receipt.rejections.map(({ reason }) => reason))].join(', ');
    const words = receipt.rejections.find(({ detail }) => detail !== undefined)?.detail;
    super(
      'CHAIN_EXHAUSTED',
      `${receipt.rejected} of ${receipt.records} records were taken by nobody (${reasons})${words ? `: ${words}` : ''}`,
      {
        hint: 'Keep the batch and submit it again once the cause is mended; rows that landed are not written twice.',
        retryable: true,
      },
    );
    this.receipt = receipt;
  }
}

/** The caller's signal was aborted. Rows in `receipt.rejections` may or may not have landed; submit them again to be sure. */
export class SubmitAbortedError extends TierfallError {
  override readonly name = 'SubmitAbortedError';
  readonly receipt: Receipt;

  constructor(receipt: Receipt, cause: unknown) {
    super('SUBMIT_ABORTED', `aborted with ${receipt.rejected} of ${receipt.records} records unsettled`, {
      hint: 'Submit the same batch again: what landed is recognised by its key.',
      retryable: true,
      cause,
    });
    this.receipt = receipt;
  }
}
