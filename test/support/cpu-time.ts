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
