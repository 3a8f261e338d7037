/** What has samples that say in which row of their batch they are. */
interface Sampled {
  readonly samples: readonly { readonly row: number }[];
}

/** The same entries with rows that count from the start of the file, where `firstRow` is the first one of the batch. */
export function placedSamples<E extends Sampled>(entries: readonly E[], firstRow: number): readonly E[] {
  return entries.map((entry) => ({
    ...entry,
    samples: entry.samples.map((sample) => ({ ...sample, row: sample.row + firstRow })),
  }));
}
