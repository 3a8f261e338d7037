/** Where input bytes come from: a file, standard input or any readable stream; its failures as InputError. */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { InputError, TierfallError } from '../core/errors.ts';

const CHUNK_BYTES = 256 * 1024;
const encoder = new TextEncoder();

export interface InputSource {
  /** File name without its directory, `stdin` or `stream`. */
  readonly name: string;
  /** Whether `read` can be called again, from any offset; a stream is read once. */
  readonly isFile: boolean;
  /**
   * The bytes from `offset` on. Leaving the loop closes a file.
   * @throws InputError INPUT_NOT_FOUND, INPUT_DENIED, INPUT_IS_DIRECTORY or INPUT_UNREADABLE
   */
  read(offset: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined>;
}

/** @param input a path, `-` for standard input, or a stream of bytes that starts at the first byte of the source */
export function openSource(input: string | Readable): InputSource {
  if (input === '-')
    return {
      name: 'stdin',
      isFile: false,
      read: (offset, signal) => readFrom(process.stdin, 'stdin', offset, signal),
    };
  if (typeof input !== 'string') {
    return {
      name: 'stream',
      isFile: false,
      read: (offset, signal) => readFrom(input, 'the stream', offset, signal),
    };
  }
  return {
    name: basename(input),
    isFile: true,
    read: (offset, signal) =>
      readFrom(createReadStream(input, { start: offset, highWaterMark: CHUNK_BYTES }), input, 0, signal),
  };
}

async function* readFrom(
  stream: Readable,
  name: string,
  offset: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted();
  const abort = (): void => void stream.destroy(signal?.reason instanceof Error ? signal.reason : undefined);
  signal?.addEventListener('abort', abort, { once: true });
  let left = offset;
  try {
    for await (const chunk of stream) {
      const bytes = toBytes(chunk, name);
      if (bytes.length > left) yield bytes.subarray(left);
      left = Math.max(0, left - bytes.length);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw inputError(error, name);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  signal?.throwIfAborted();
}

function toBytes(chunk: unknown, name: string): Uint8Array {
  if (typeof chunk === 'string') return encoder.encode(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  throw new InputError('INPUT_UNREADABLE', `${name} gives ${typeof chunk}, expected bytes`, {
    hint: 'Pass a stream of bytes, not one in object mode.',
  });
}

const KNOWN: Readonly<Record<string, readonly [code: string, what: string, hint: string]>> = {
  ENOENT: ['INPUT_NOT_FOUND', 'is not there', 'Check the path; it is relative to the current directory.'],
  ENOTDIR: ['INPUT_NOT_FOUND', 'is not there', 'A part of the path is a file, not a directory.'],
  EACCES: [
    'INPUT_DENIED',
    'may not be read',
    'Give this user read permission on the file and its directories.',
  ],
  EPERM: ['INPUT_DENIED', 'may not be read', 'Give this user read permission on the file and its directories.'],
  EISDIR: [
    'INPUT_IS_DIRECTORY',
    'is a directory',
    'Name a file; to read several, give them one after the other.',
  ],
};

function inputError(error: unknown, name: string): TierfallError {
  if (error instanceof TierfallError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const [known, what, hint] = KNOWN[code] ?? [
    'INPUT_UNREADABLE',
    `could not be read (${code || message})`,
    'Check the medium and run again from the last offset.',
  ];
  return new InputError(known, `${name} ${what}`, { hint, cause: error });
}
