import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OpenFile } from '../../src/core/file-system.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';

export const BLOCK_BYTES = 4096;

function blocksOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}

/**
 * A disk of so many blocks: a file takes whole ones, and gives them back when its name is gone. Each change takes a turn of
 * the event loop, so that others come in between.
 */
export class BlockDisk extends MemoryFileSystem {
  readonly #blocks: number;
  /** Whether a write that does not fit is written in part, as most file systems do. */
  readonly #isWrittenInPart: boolean;
  readonly #sizes = new Map<string, number>();

  constructor(blocks: number, isWrittenInPart: boolean) {
    super();
    this.#blocks = blocks;
    this.#isWrittenInPart = isWrittenInPart;
  }

  get freeBlocks(): number {
    let used = 0;
    for (const size of this.#sizes.values()) used += blocksOf(size);
    return this.#blocks - used;
  }

  override async open(path: string, mode: 'read' | 'append' | 'create'): Promise<OpenFile> {
    await nextTurn();
    const file = await super.open(path, mode);
    if (mode === 'create') this.#sizes.set(path, 0);
    return { ...file, append: (chunks) => this.#append(path, file, Buffer.concat(chunks)) };
  }

  override async unlink(path: string): Promise<void> {
    await super.unlink(path);
    this.#sizes.delete(path);
    await nextTurn();
  }

  override async rename(from: string, to: string): Promise<void> {
    await super.rename(from, to);
    this.#sizes.set(to, this.#sizes.get(from) ?? 0);
    this.#sizes.delete(from);
  }

  async #append(path: string, file: OpenFile, bytes: Uint8Array): Promise<void> {
    const size = this.#sizes.get(path) ?? 0;
    const room = (blocksOf(size) + this.freeBlocks) * BLOCK_BYTES - size;
    const fits = bytes.length <= room;
    const written = fits ? bytes.length : this.#isWrittenInPart ? room : 0;
    this.#sizes.set(path, size + written);
    await file.append([bytes.subarray(0, written)]);
    await nextTurn();

    if (!fits) throw Object.assign(new Error(`ENOSPC: simulated, '${path}'`), { code: 'ENOSPC' });
  }
}
