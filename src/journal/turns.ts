/** Work on many bytes in steps, so that others have turns in between: each `yield` is a place where they may. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

export type Steps<T> = Generator<undefined, T>;

/** Bytes of one step: a few milliseconds at most. */
export const STEP_BYTES = 4 * 1024 * 1024;

/** Does all steps at once. */
export function doNow<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Does the steps with a turn of the event loop between them. */
export async function doInTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await nextTurn();
  }
}

export function* crcSteps(bytes: Uint8Array, before = 0): Steps<number> {
  let checksum = before;
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    if (at > 0) yield;
    checksum = crc32(bytes.subarray(at, at + STEP_BYTES), checksum);
  }
  return checksum;
}
