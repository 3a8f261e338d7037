/** Chance that can be had again. */

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A seed that is printed, and taken from TIERFALL_SEED when that is set. */
export function announcedSeed(name: string): number {
  const seed = Number(process.env['TIERFALL_SEED'] ?? Date.now() % 1_000_000_007);
  process.stdout.write(`${name}: TIERFALL_SEED=${seed}\n`);
  return seed;
}
