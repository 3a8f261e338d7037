/** Keys and ranges of objects: checked once for every store, so that no key can leave a store's root. */
import { StorageError } from '../core/errors.ts';
import type { ByteRange } from './store.ts';

/** The longest name most file systems take. */
const SEGMENT_BYTES_MAX = 255;
const KEY_BYTES_MAX = 1024;

function findKeyFault(key: string): string | undefined {
  if (key === '') return 'is empty';
  if (key.includes('\0')) return 'holds a NUL byte';
  if (key.includes('\\')) return 'holds a backslash';
  if (!key.isWellFormed()) return 'is not well-formed Unicode';
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) return `is longer than ${KEY_BYTES_MAX} bytes`;
  for (const segment of key.split('/')) {
    if (segment === '') return 'is absolute, or has an empty segment';
    if (segment === '.' || segment === '..') return `has the segment "${segment}"`;
    if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX)
      return `has a segment longer than ${SEGMENT_BYTES_MAX} bytes`;
  }
  return undefined;
}

/** @throws StorageError `STORAGE_KEY_INVALID` when `key` is not slash-separated names that stay below the root */
export function checkKey(key: string): void {
  const fault = findKeyFault(key);
  if (fault === undefined) return;
  throw new StorageError('STORAGE_KEY_INVALID', `the key ${JSON.stringify(key.slice(0, 200))} ${fault}`, {
    hint: 'Use names separated by single slashes, none of them empty, "." or "..".',
  });
}

/** @throws StorageError `STORAGE_RANGE_INVALID` unless `range` has at least one byte */
export function checkRange(range: ByteRange): void {
  const { start, end } = range;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start < end) return;
  throw new StorageError('STORAGE_RANGE_INVALID', `the range ${start} to ${end} holds no byte`, {
    hint: 'Use whole numbers, 0 <= start < end.',
  });
}
