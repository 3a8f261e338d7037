/**
 * Rows set aside on a disk, by partition, so that each partition can be read back by itself.
 *
 *   entry = row number (float64 LE) | length (uint32 LE) | bytes
 *
 * X1 rows of a partition come back in the order in which they were added. X2 in memory are a buffer per partition, together
 * about a quarter of the memory of a comparison, and one partition while it is read.
 */
import type { FileSystem } from '../core/file-system.ts';
import { toStorageError } from '../core/storage-fault.ts';

/** One file of a comparison, gone once it is closed. */
export interface SpillFile {
  append(chunks: readonly Uint8Array[]): Promise<void>;
  read(position: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Makes a new, empty file for rows. */
export type OpenSpill = () => Promise<SpillFile>;

/** What the disk says, as an error of ours. */
async function onDisk<T>(action: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toStorageError(error, action);
  }
}

/**
 * Files in a directory that is there. They have no name while they are used, so that a killed process leaves nothing
 * behind.
 * @throws StorageError from all of their methods
 */
export function spillTo(files: FileSystem, directory: string): OpenSpill {
  let opened = 0;
  return async () => {
    opened += 1;
    const path = `${directory}/rows-${opened}`;
    const writing = await onDisk(`create ${path}`, files.open(path, 'create'));
    const reading = await onDisk(`open ${path}`, files.open(path, 'read'));
    await onDisk(`unlink ${path}`, files.unlink(path));
    return {
      append: (chunks) => onDisk(`set rows aside in ${directory}`, writing.append(chunks)),
      read: (position, length) => onDisk(`read rows back from ${directory}`, reading.read(position, length)),
      async close() {
        await writing.close();
        await reading.close();
      },
    };
  };
}

/** Per partition; small writes are slow, and large buffers are many. */
const BUFFER_BYTES = { min: 4 * 1024, max: 64 * 1024 };
const HEADER_BYTES = 12;

/** A row that was set aside. */
export interface SpilledRow {
  readonly row: number;
  readonly bytes: Uint8Array;
}

interface Extent {
  readonly position: number;
  readonly length: number;
}

class Partition {
  pending: Uint8Array[] = [];
  pendingBytes = 0;
  bytes = 0;
  rows = 0;
  readonly extents: Extent[] = [];
}

/** The rows of one side of a comparison, by partition. */
export class PartitionedRows {
  readonly #file: SpillFile;
  readonly #partitions: readonly Partition[];
  readonly #bufferBytes: number;
  #position = 0;

  /** @param memoryBytes of the whole comparison */
  constructor(file: SpillFile, partitions: number, memoryBytes: number) {
    this.#file = file;
    const share = Math.floor(memoryBytes / 8 / partitions);
    this.#bufferBytes = Math.max(BUFFER_BYTES.min, Math.min(BUFFER_BYTES.max, share));
    this.#partitions = Array.from({ length: partitions }, () => new Partition());
  }

  /** Bytes of a partition. */
  bytesOf(partition: number): number {
    return this.#partitions[partition]?.bytes ?? 0;
  }

  rowsOf(partition: number): number {
    return this.#partitions[partition]?.rows ?? 0;
  }

  /** Copies the bytes. @returns a promise only when a buffer has to be written, which must be waited for */
  add(partition: number, row: number, bytes: Uint8Array): Promise<void> | undefined {
    const into = this.#partitions[partition];
    if (!into) return undefined;
    const entry = Buffer.allocUnsafe(HEADER_BYTES + bytes.length);
    entry.writeDoubleLE(row, 0);
    entry.writeUInt32LE(bytes.length, 8);
    entry.set(bytes, HEADER_BYTES);
    into.pending.push(entry);
    into.pendingBytes += entry.length;
    into.bytes += entry.length;
    into.rows += 1;
    return into.pendingBytes >= this.#bufferBytes ? this.#flush(into) : undefined;
  }

  async #flush(partition: Partition): Promise<void> {
    const { pending, pendingBytes: length } = partition;
    partition.pending = [];
    partition.pendingBytes = 0;
    partition.extents.push({ position: this.#position, length });
    this.#position += length;
    await this.#file.append(pending);
  }

  /** The rows of a partition, a buffer at a time. */
  async *read(partition: number): AsyncGenerator<readonly SpilledRow[], void, undefined> {
    const from = this.#partitions[partition];
    for (const { position, length } of from?.extents ?? [])
      yield parseEntries(await this.#file.read(position, length));
    for (const entry of from?.pending ?? []) yield parseEntries(entry);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function parseEntries(bytes: Uint8Array): readonly SpilledRow[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows: SpilledRow[] = [];
  for (let at = 0; at < buffer.length; ) {
    const end = at + HEADER_BYTES + buffer.readUInt32LE(at + 8);
    rows.push({ row: buffer.readDoubleLE(at), bytes: buffer.subarray(at + HEADER_BYTES, end) });
    at = end;
  }
  return rows;
}
