/**
 * Passes bytes to a socket at the pace of a fault, in order. While something waits here the side that it comes from is to be
 * paused, so that no more is held than one chunk of each side.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { Fault } from './fault.ts';

/** How finely a bandwidth is shared out, milliseconds. */
const SLICE_MS = 10;

export interface Pace {
  readonly bytes: number;
  readonly everyMs: number;
}

/** The pace of a fault towards one side; undefined is at once. */
export function paceOf(fault: Fault | undefined, side: 'request' | 'reply'): Pace | undefined {
  if (fault?.kind === 'slow-drip' && side === 'reply') {
    return { bytes: Math.max(1, fault.bytes ?? 1), everyMs: fault.everyMs ?? 10 };
  }
  if (fault?.kind !== 'bandwidth') return undefined;
  const bytes = (fault.bytesPerSecond * SLICE_MS) / 1000;
  return bytes >= 1 ? { bytes: Math.floor(bytes), everyMs: SLICE_MS } : { bytes: 1, everyMs: SLICE_MS / bytes };
}

/**
 * Writes `chunk` to `target` piece by piece.
 * @returns resolves when all is written, or the target is gone
 */
export async function passSlowly(
  chunk: Uint8Array,
  target: Socket,
  pace: Pace,
  clock: Pick<Clock, 'schedule'>,
): Promise<void> {
  for (let at = 0; at < chunk.length && !target.destroyed; at += pace.bytes) {
    await new Promise<void>((resolve) => clock.schedule(pace.everyMs, resolve, { keepAlive: true }));
    if (!target.destroyed) target.write(chunk.subarray(at, at + pace.bytes));
  }
}
