/**
 * What went wrong with a request to S3, by what can be done about it. Every error of the SDK, of the server and of
 * the network is put into one of these kinds, once.
 */
import { StorageError } from '../core/errors.ts';

export type S3FaultKind =
  /** A condition of the request was not met: the key is there. */
  | 'exists'
  | 'absent'
  /** The upload in parts is not known: completed, aborted or expired. */
  | 'no-upload'
  /** The range begins behind the end. */
  | 'no-range'
  /** Another conditional write to the key is under way. */
  | 'conflict'
  | 'throttled'
  /** It was not done, and may be later. */
  | 'unavailable'
  /** Nobody knows whether it was done. */
  | 'unknown'
  /** Bytes changed on the way, or at rest. */
  | 'corrupt'
  | 'denied'
  /** Credentials are missing, or ended. */
  | 'credentials'
  | 'misconfigured'
  /** The server does not know the request. */
  | 'unsupported'
  | 'full'
  | 'refused';

/** One failed request. */
export class S3Fault extends Error {
  override readonly name = 'S3Fault';
  readonly kind: S3FaultKind;
  /** The server's own wish. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: S3FaultKind, message: string, details: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.retryAfterMs = details.retryAfterMs;
  }
}

const BY_CODE: Readonly<Record<string, S3FaultKind>> = {
  NoSuchBucket: 'misconfigured',
  NoSuchUpload: 'no-upload',
  NoSuchKey: 'absent',
  NotFound: 'absent',
  PreconditionFailed: 'exists',
  ConditionalRequestConflict: 'conflict',
  OperationAborted: 'conflict',
  InvalidRange: 'no-range',
  SlowDown: 'throttled',
  SlowDownRead: 'throttled',
  SlowDownWrite: 'throttled',
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  RequestLimitExceeded: 'throttled',
  TooManyRequests: 'throttled',
  RequestTimeout: 'unavailable',
  RequestTimeTooSkewed: 'unavailable',
  BadDigest: 'corrupt',
  InvalidDigest: 'corrupt',
  IncompleteBody: 'corrupt',
  XAmzContentSHA256Mismatch: 'corrupt',
  XAmzContentChecksumMismatch: 'corrupt',
  // Also of a key that was rotated while its predecessor was still known here.
  InvalidAccessKeyId: 'credentials',
  SignatureDoesNotMatch: 'credentials',
  ExpiredToken: 'credentials',
  ExpiredTokenException: 'credentials',
  TokenRefreshRequired: 'credentials',
  InvalidToken: 'credentials',
  CredentialsProviderError: 'credentials',
  TokenProviderError: 'credentials',
  NotImplemented: 'unsupported',
  MethodNotAllowed: 'unsupported',
  PermanentRedirect: 'misconfigured',
  TemporaryRedirect: 'misconfigured',
  AuthorizationHeaderMalformed: 'misconfigured',
  IllegalLocationConstraintException: 'misconfigured',
  InvalidBucketName: 'misconfigured',
  QuotaExceeded: 'full',
  XMinioStorageFull: 'full',
  XMinioAdminBucketQuotaExceeded: 'full',
  // Nothing was sent yet: the server was not there.
  ECONNREFUSED: 'unavailable',
  ENOTFOUND: 'unavailable',
  EAI_AGAIN: 'unavailable',
  EHOSTUNREACH: 'unavailable',
  ENETUNREACH: 'unavailable',
};

const BY_STATUS: Readonly<Record<number, S3FaultKind>> = {
  // Of a HEAD, which has no body to say more; a token that ended is the usual cause.
  400: 'credentials',
  401: 'denied',
  403: 'denied',
  404: 'absent',
  409: 'conflict',
  412: 'exists',
  416: 'no-range',
  429: 'throttled',
  501: 'unsupported',
  507: 'full',
};

interface Told {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** @returns `error` itself when it is a fault already */
export function toS3Fault(error: unknown): S3Fault {
  if (error instanceof S3Fault) return error;
  const told: Told = typeof error === 'object' && error !== null ? error : {};
  const status = told.$metadata?.httpStatusCode ?? 0;
  const words = [told.name, told.code, told.Code].filter((word) => typeof word === 'string');
  const text = typeof told.message === 'string' && told.message !== '' ? told.message : String(error);
  const retryAfterMs = retryAfterOf(told.$response?.headers?.['retry-after']);
  return new S3Fault(kindOf(words, text, status), describe(words, text, status), {
    cause: error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function kindOf(words: readonly string[], text: string, status: number): S3FaultKind {
  const known = words.map((word) => (Object.hasOwn(BY_CODE, word) ? BY_CODE[word] : undefined)).find(Boolean);
  if (known) return known;
  // The SDK tells these in words only.
  if (/^Checksum mismatch/.test(text)) return 'corrupt';
  if (/^Region is missing/.test(text)) return 'misconfigured';
  if (/did not establish a connection/.test(text)) return 'unavailable';
  const hasWords = words.some(
    (word) => !/^(?:Error|Unknown|UnknownError|\d+|BadRequest|Forbidden)$/.test(word),
  );
  if (status === 400 && hasWords) return 'refused';
  const byStatus = BY_STATUS[status];
  if (byStatus) return byStatus;
  if (status === 301 || status === 307) return 'misconfigured';
  // 5xx, a reset, a deadline, an answer that cannot be read: the request may have been carried out.
  return status >= 400 && status < 500 ? 'refused' : 'unknown';
}

function describe(words: readonly string[], text: string, status: number): string {
  const name = words.find((word) => word !== 'Error' && !text.includes(word));
  return `${name === undefined ? '' : `${name}: `}${text}${status === 0 ? '' : ` (HTTP ${status})`}`;
}

/** Seconds; a date is left to the ordinary backoff. */
function retryAfterOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

interface Meaning {
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;
}

const RETRYABLE_LATER: Meaning = {
  code: 'STORAGE_UNAVAILABLE',
  hint: 'Check the endpoint and the network; the same call succeeds once the server is back, and stores nothing twice.',
  retryable: true,
};

const MEANINGS: Partial<Record<S3FaultKind, Meaning>> = {
  throttled: {
    code: 'STORAGE_THROTTLED',
    hint: 'The server asks for fewer requests: wait, spread keys over more prefixes, or raise its limit.',
    retryable: true,
  },
  corrupt: {
    code: 'STORAGE_CORRUPT',
    hint: 'Bytes changed on the way or at rest: look at the network path and at the copies of the object.',
    retryable: true,
  },
  denied: {
    code: 'STORAGE_DENIED',
    hint: 'Give these credentials s3:PutObject, GetObject, DeleteObject and ListBucket on the bucket.',
    retryable: false,
  },
  credentials: {
    code: 'STORAGE_CREDENTIALS',
    hint: 'Renew the credentials, or check what the SDK finds (environment, profile, role); no restart is needed.',
    retryable: true,
  },
  misconfigured: {
    code: 'STORAGE_MISCONFIGURED',
    hint: 'Check bucket, region, endpoint and path style against the server; the bucket must exist.',
    retryable: false,
  },
  unsupported: {
    code: 'STORAGE_UNSUPPORTED',
    hint: 'This server does not know the request: try checksums "when-required", or another server.',
    retryable: false,
  },
  full: {
    code: 'STORAGE_FULL',
    hint: 'Free space on the server, or raise the quota of the bucket; no restart is needed.',
    retryable: true,
  },
  absent: {
    code: 'STORAGE_NOT_FOUND',
    hint: 'It was deleted, or the store is another one than the one it was put in.',
    retryable: false,
  },
  refused: {
    code: 'STORAGE_REFUSED',
    hint: 'The server refuses this request for good: read its words, and check the options of the store.',
    retryable: false,
  },
};

/** @param action what was tried: `put a/b into s3://bucket` */
export function storageErrorOf(fault: S3Fault, action: string): StorageError {
  const { code, hint, retryable } = MEANINGS[fault.kind] ?? RETRYABLE_LATER;
  const skewed = /RequestTimeTooSkewed/.test(fault.message);
  return new StorageError(code, `could not ${action}: ${fault.message}`, {
    hint: skewed ? 'Set the clock of this machine: it is more than 15 minutes off that of the server.' : hint,
    retryable,
    cause: fault.cause ?? fault,
  });
}
