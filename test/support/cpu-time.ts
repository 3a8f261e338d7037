/**
 * A stopwatch that counts only what this thread computed, so that a bound on the work for a hostile input holds on a busy
 * machine, too. For bounds far from both what it takes and what the fault would take; speed is measured in bench/.
 * @returns a function that tells the milliseconds since
 */
export function cpuStopwatch(): () => number {
  const before = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  };
}

/**
 * Measures how long this thread computed between two turns of the event loop at most, from now on.
 * @returns stops it, and tells the longest turn in milliseconds
 */
export function longestTurn(): () => number {
  let longestMs = 0;
  let isStopped = false;
  const turn = (): void => {
    const elapsed = cpuStopwatch();
    setImmediate(() => {
      longestMs = Math.max(longestMs, elapsed());
      if (!isStopped) turn();
    });
  };
  turn();
  return () => {
    isStopped = true;
    return longestMs;
  };
}
