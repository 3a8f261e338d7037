/** One value of one record: what it may be is said by the type of its column. */
export type Cell = string | number | bigint | boolean | Uint8Array | null;
