/** What became of a row: all of its cells conform, some do not, or it is not the format. */
export const ROW = { conforming: 0, drifted: 1, undecodable: 2 } as const;
