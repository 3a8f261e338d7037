/** The longest time in milliseconds that nothing else could run while `work` did. */
export async function longestBlockOf(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let isDone = false;
  let last = performance.now();
  const look = (): void => {
    longest = Math.max(longest, performance.now() - last);
    if (!isDone) setImmediate(look);
    last = performance.now();
  };
  setImmediate(look);
  await work();
  isDone = true;
  look();
  return longest;
}
