/** How long the event loop was kept by one turn, in CPU time of this thread: so it holds on a busy machine, too. */
export interface TurnWatch {
  /** Of the longest turn since the last question, in milliseconds. */
  longestMs(): number;
  stop(): void;
}

export function watchTurns(): TurnWatch {
  let last = process.threadCpuUsage();
  let longest = 0;
  let isStopped = false;
  const look = (): void => {
    const { user, system } = process.threadCpuUsage(last);
    last = process.threadCpuUsage();
    longest = Math.max(longest, (user + system) / 1_000);
    if (!isStopped) setImmediate(look);
  };
  setImmediate(look);
  return {
    longestMs: () => {
      const found = longest;
      longest = 0;
      return found;
    },
    stop: () => {
      isStopped = true;
    },
  };
}
