/**
 * Sets damaged bytes aside before anything may overwrite or delete them.
 *
 * Each span goes to `damaged/<segment>-<offset>.bin`. When even that fails (a full disk, a dead sector), the
 * bytes stay where they are, the segment is kept, and the damage is reported all the same; `retry` tries again.
 */
import { makeDirectory } from '../core/durable-file.ts';
import type { Emit } from '../core/events.ts';
import type { FileSystem, OpenFile } from '../core/file-system.ts';
import type { JournalDamage } from './journal.ts';
import type { Gap } from './segment-scan.ts';
import { WINDOW_BYTES } from './window-reader.ts';

async function copySpan(source: OpenFile, gap: Gap, target: OpenFile): Promise<void> {
  const end = gap.offset + gap.bytes;
  for (let at = gap.offset; at < end; at += WINDOW_BYTES) {
    await target.append([await source.read(at, Math.min(WINDOW_BYTES, end - at))]);
  }
  await target.datasync();
}

/** @returns false when this very span was set aside before */
async function saveSpan(
  fs: FileSystem,
  segmentPath: string,
  directory: string,
  name: string,
  gap: Gap,
): Promise<boolean> {
  const target = `${directory}/${name}`;
  if ((await fs.stat(target))?.size === gap.bytes) return false;
  await makeDirectory(fs, directory);
  await fs.unlink(`${target}.tmp`);
  const source = await fs.open(segmentPath, 'read');
  try {
    const file = await fs.open(`${target}.tmp`, 'create');
    await copySpan(source, gap, file).finally(() => file.close());
  } catch (error) {
    // A half of it would take room on a full disk.
    await fs.unlink(`${target}.tmp`).catch(() => undefined);
    throw error;
  } finally {
    await source.close();
  }
  await fs.rename(`${target}.tmp`, target);
  await fs.syncDirectory(directory);
  return true;
}

/** A span that is only in its segment. */
interface Left {
  readonly segment: string;
  readonly gap: Gap;
  /** Its place among what was found. */
  readonly at: number;
}

/** The damage found since a journal was opened. */
export class DamageLog {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #chain: string;
  readonly #emit: Emit;
  readonly #found: JournalDamage[] = [];
  #left: Left[] = [];

  constructor(fs: FileSystem, directory: string, chain: string, emit: Emit) {
    this.#fs = fs;
    this.#directory = directory;
    this.#chain = chain;
    this.#emit = emit;
  }

  get found(): readonly JournalDamage[] {
    return this.#found;
  }

  /** Whether this span was recorded already. */
  knows(segment: string, gap: Gap): boolean {
    const file = `${this.#directory}/${segment}`;
    return this.#found.some((one) => one.file === file && one.offset === gap.offset && one.bytes === gap.bytes);
  }

  /** Counts and reports a span. @returns whether its bytes are safe outside the segment; never throws */
  async record(segment: string, gap: Gap): Promise<boolean> {
    const file = `${this.#directory}/${segment}`;
    const { offset, bytes } = gap;
    const saved = await this.#save(segment, gap);
    if (saved === undefined) this.#left.push({ segment, gap, at: this.#found.length });
    this.#found.push({ file, offset, bytes, setAside: saved?.path ?? file });
    if (saved?.isFresh !== false) this.#emit('journalDamaged', { chain: this.#chain, file, offset, bytes });
    return saved !== undefined;
  }

  /** Tries again to set aside what of a segment could not be. @returns whether all of it is safe now; never throws */
  async retry(segment: string): Promise<boolean> {
    const left: Left[] = [];
    for (const one of this.#left) {
      const saved = one.segment === segment ? await this.#save(segment, one.gap) : undefined;
      const found = this.#found[one.at];
      if (saved === undefined || found === undefined) left.push(one);
      else this.#found[one.at] = { ...found, setAside: saved.path };
    }
    this.#left = left;
    return !left.some((one) => one.segment === segment);
  }

  /** @returns undefined when it could not be */
  async #save(segment: string, gap: Gap): Promise<{ path: string; isFresh: boolean } | undefined> {
    if (gap.unreadable) return undefined;
    const directory = `${this.#directory}/damaged`;
    const name = `${segment.replace('.seg', '')}-${gap.offset}.bin`;
    try {
      const isFresh = await saveSpan(this.#fs, `${this.#directory}/${segment}`, directory, name, gap);
      return { path: `${directory}/${name}`, isFresh };
    } catch {
      return undefined;
    }
  }
}
