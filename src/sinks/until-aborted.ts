/** The one place where a sink ties a promise to a signal, and unties it again. */

/**
 * Settles as `work` does, or rejects with the signal's reason when that is aborted first. The work goes on
 * unobserved; its later failure is swallowed, because nobody is left to hear it.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    // A long-lived signal keeps every listener that is not taken off.
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
