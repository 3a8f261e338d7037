/** The loads under which acks are counted. */

export interface Load {
  readonly label: string;
  readonly submitters: number;
  readonly bodyBytes: number;
  /** Added to every fdatasync. */
  readonly syncDelayMs: number;
  /** Measured acks of one round. */
  readonly acks: number;
  /** The same for INSERT + COMMIT, which blocks: so many that it takes about half a second. */
  readonly acksOfRecipe: number;
}

const KIB = 1024;

function load(label: string, submitters: number, bodyBytes: number, acks: number, syncDelayMs = 0): Load {
  return { label, submitters, bodyBytes, syncDelayMs, acks, acksOfRecipe: 3_000 };
}

export const LOADS = {
  kib1by256: load('1 KiB, 256 submitters', 256, KIB, 150_000),
  kib1by16: load('1 KiB, 16 submitters', 16, KIB, 40_000),
  kib1by1: load('1 KiB, 1 submitter', 1, KIB, 4_000),
  kib64by16: load('64 KiB, 16 submitters', 16, 64 * KIB, 12_000),
  mib1by1: load('1 MiB, 1 submitter', 1, KIB * KIB, 600),
  mib1by16: load('1 MiB, 16 submitters', 16, KIB * KIB, 600),
  slow1ms: load('1 KiB, 256 submitters, fdatasync + 1 ms', 256, KIB, 60_000, 1),
  slow5ms: load('1 KiB, 256 submitters, fdatasync + 5 ms', 256, KIB, 30_000, 5),
} as const satisfies Readonly<Record<string, Load>>;

export type LoadName = keyof typeof LOADS;
