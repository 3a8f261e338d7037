/** Bounds what a server may send: an answer without end must not fill the memory. */
import { pipeline, type Readable, Transform } from 'node:stream';
import { S3Fault } from './s3-fault.ts';

/** Of an answer that is no object: a page of a list has about 1 MB. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** @param length as the server said it: the HTTP parser hands out no byte more */
export function isShort(length: string | undefined): boolean {
  return length !== undefined && /^\d{1,15}$/.test(length) && Number(length) <= ANSWER_BYTES_MAX;
}

/** The same bytes, failing when they are more than an answer can have. */
export function limitAnswer(body: Readable): Readable {
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX)
        done(new S3Fault('corrupt', `the answer has more than ${ANSWER_BYTES_MAX} bytes`));
      else done(null, chunk);
    },
  });
  // Whoever reads it is told; there is nobody else to tell.
  return pipeline(body, limit, () => undefined);
}

/**
 * All bytes of an object. A body that is not read to its end is let go, and its connection with it.
 * @param length as the server said it
 * @throws S3Fault `corrupt` when they are others; `refused` when they are more than `bytesMax`, before they are read
 */
export async function readObject(
  body: Readable,
  length: number | undefined,
  bytesMax: number,
): Promise<Uint8Array> {
  if (length === undefined || length > bytesMax) {
    body.destroy();
    throw length === undefined
      ? new S3Fault('corrupt', 'the server does not say how long the object is')
      : new S3Fault('refused', `the object has ${length} bytes, the limit is ${bytesMax}`);
  }
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  for await (const chunk of body) {
    if (filled + chunk.length > length) throw new S3Fault('corrupt', `more than ${length} bytes arrived`);
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  if (filled !== length) throw new S3Fault('corrupt', `${filled} of ${length} bytes arrived`);
  return bytes;
}
