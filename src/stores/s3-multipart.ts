/**
 * Large objects, uploaded in parts by the SDK's lib-storage, and what is left of uploads that nobody finished.
 *
 * U1 an upload that fails is aborted, so that its parts are not kept and billed. U2 a part is sent again like any
 * other request; the parts that arrived are not. U3 only uploads that are older than a limit are removed as orphans:
 * a younger one may be another process's.
 */
import { Readable } from 'node:stream';
import type * as Lib from '@aws-sdk/lib-storage';
import { missingPackage, type S3Client, type S3OpenUpload } from './s3-client.ts';
import { S3Fault } from './s3-fault.ts';
import type { S3Settings } from './s3-options.ts';
import type { S3Patience } from './s3-patience.ts';

export interface S3Upload {
  /** With the prefix of the store. */
  readonly key: string;
  readonly chunks: readonly Uint8Array[];
  readonly sha256: string;
  readonly attempt: string;
}

export interface S3MultipartContext {
  readonly client: S3Client;
  readonly patience: S3Patience;
  readonly settings: S3Settings;
  /** Deadline of a request that carries so many bytes. */
  readonly timeoutFor: (bytes: number) => number;
  readonly beforeRetry: (fault: S3Fault) => void;
}

async function loadLib(): Promise<typeof Lib> {
  try {
    return await import('@aws-sdk/lib-storage');
  } catch (cause) {
    throw missingPackage('@aws-sdk/lib-storage', cause);
  }
}

/**
 * Uploads an object that must not be there.
 * @throws S3Fault of the request that failed; when it was the last one, the object may be there all the same. The
 * reason of `signal`
 */
export async function uploadInParts(
  upload: S3Upload,
  { client, patience, settings, timeoutFor, beforeRetry }: S3MultipartContext,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { Upload } = await loadLib();
  const send = async (name: string, once: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> => {
    const options = { timeoutMs: timeoutFor(settings.partBytes), beforeRetry };
    if (name !== 'AbortMultipartUploadCommand') return patience.call(once, { ...options, signal });
    // U1 holds also for an upload that its caller gave up. When it fails, the error to tell is the one before it,
    // and the parts are removed as orphans later.
    return patience.call(once, options).catch(() => ({}));
  };
  await new Upload({
    client: await client.clientSending(send),
    params: {
      ...client.objectParams(upload.key, upload.sha256, upload.attempt),
      Body: Readable.from(upload.chunks),
      IfNoneMatch: '*',
    },
    partSize: settings.partBytes,
    queueSize: settings.partsInFlightMax,
  }).done();
}

/**
 * Aborts uploads below the store's prefix that were begun more than `olderThanMs` ago, by the server's clock.
 * @returns how many
 * @throws S3Fault when uploads cannot be listed or aborted
 */
export async function removeOrphans(
  { client, patience, settings, timeoutFor, beforeRetry }: S3MultipartContext,
  olderThanMs: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const options = { timeoutMs: timeoutFor(0), beforeRetry, signal };
  let removed = 0;
  for (let last: S3OpenUpload | undefined; ; ) {
    const from = last;
    const page = await patience.call((one) => client.listUploads(settings.prefix, from, one), options);
    for (const upload of page.items) {
      if (client.serverTimeMs - upload.initiatedMs <= olderThanMs) continue;
      await patience.call((one) => client.abortUpload(upload, one), options).catch(ignoreGone);
      removed += 1;
    }
    last = page.items.at(-1);
    if (page.isLast || last === undefined) return removed;
  }
}

/** Somebody else was quicker. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof S3Fault) || error.kind !== 'no-upload') throw error;
}
