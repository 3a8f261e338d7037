/**
 * The one place that ties a caller's AbortSignal to something shorter-lived. `AbortSignal.any` and forgotten
 * listeners leak on a long-lived parent, so every link made here is undone by its returned function.
 */

/** Calls `onAbort` once when `signal` is aborted, or at once when it already is. @returns unlinks; safe to call twice */
export function linkAbort(signal: AbortSignal, onAbort: (reason: unknown) => void): () => void {
  if (signal.aborted) {
    onAbort(signal.reason);
    return () => {};
  }
  const listener = (): void => onAbort(signal.reason);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
