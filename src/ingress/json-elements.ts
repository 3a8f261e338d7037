/**
 * The elements of an array within a JSON input as a stream of their own: each behind a comma, so that what is cut out of
 * it is a slice of an array. Nothing is held back but one chunk, however large an element is.
 */
import { JsonPathScanner } from '../codecs/json-path-scanner.ts';
import type { Pointer } from '../codecs/json-pointer.ts';
import { InputError } from '../core/errors.ts';

const COMMA = Uint8Array.of(44);
/** The end of an array and a comma: a comma that has no place there either. */
const STRAY_COMMA = Uint8Array.of(93, 44);

function pathNotFound(name: string, pointer: Pointer, offset: number): InputError {
  const path = pointer.map((token) => `/${token.name}`).join('');
  return new InputError(
    'INPUT_PATH_NOT_FOUND',
    `${name}: in the document at byte ${offset} there is nothing at ${path}`,
    {
      hint: 'Check the path: names from the outside in, each behind a "/", and indices of arrays from 0.',
      offset,
    },
  );
}

/**
 * @param chunks from the first byte of the input on; ended with this generator
 * @throws InputError INPUT_PATH_NOT_FOUND, after the elements before that document
 */
export async function* readElements(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  pointer: Pointer,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const scanner = new JsonPathScanner(pointer);
  let base = 0;
  let lostAt = -1;
  /** Where the element starts of which a part was given on already. */
  let started = -1;
  try {
    for await (const chunk of chunks) {
      const parts: Uint8Array[] = [];
      const give = (start: number, end: number): void => {
        if (start !== started) parts.push(COMMA);
        started = start;
        parts.push(chunk.subarray(Math.max(0, start - base), end - base));
      };
      scanner.scan(chunk, (start, end, kind) => {
        if (lostAt >= 0) return;
        if (kind === 'lost') lostAt = start;
        else if (kind === 'stray') parts.push(STRAY_COMMA);
        else give(start, end);
      });
      const pending = scanner.pendingStart;
      if (pending !== undefined && lostAt < 0) give(pending, base + chunk.length);
      base += chunk.length;
      if (parts.length > 0) yield Buffer.concat(parts);
      if (lostAt >= 0) throw pathNotFound(name, pointer, lostAt);
    }
    scanner.finish((start, _end, kind) => {
      if (kind === 'lost') lostAt = start;
    });
    if (lostAt >= 0) throw pathNotFound(name, pointer, lostAt);
  } finally {
    await chunks.return();
  }
}
