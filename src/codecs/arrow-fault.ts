/** What is said of Arrow IPC bodies that cannot be read. */
import { InputError } from '../core/errors.ts';

/** Bytes that no writer of Arrow IPC makes. */
export function damaged(message: string, cause?: unknown): InputError {
  return new InputError('ARROW_DAMAGED', `the Arrow IPC data is damaged: ${message}`, {
    hint: 'Check that it was received to its end; the body is kept byte for byte.',
    cause,
  });
}

/** A valid body that uses what is not supported here. */
export function unsupported(what: string): InputError {
  return new InputError('ARROW_UNSUPPORTED', `${what} is not supported in Arrow IPC data`, {
    hint: 'Write it without, for example as Utf8 or a struct; the body is kept byte for byte.',
  });
}
