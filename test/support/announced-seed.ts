/** A seed that is printed, and taken from TIERFALL_SEED when that is set. */
export function announcedSeed(name: string): number {
  const seed = Number(process.env['TIERFALL_SEED'] ?? Date.now() % 1_000_000_007);
  process.stdout.write(`${name}: TIERFALL_SEED=${seed}\n`);
  return seed;
}
