/**
 * Compares two sources of any size by key, with bounded memory.
 *
 * Y1 what fits into `memoryBytes` is compared in memory; otherwise the rows of both sides are spread over partitions on a
 * disk by the hash of their key, and one partition of each side is in memory at a time. Y2 a partition that does not fit is
 * spread again; only rows of one key have to fit together. Y3 a row that cannot be decoded is counted and told, and is on
 * neither side of the comparison. Y4 changes are told in the order of `diffRecords` within a partition, and partitions in
 * a fixed order: the same input gives the same output.
 */

import type { Columns } from '../core/columns.ts';
import { InputError } from '../core/errors.ts';
import type { DiffRecord, DiffReport } from './change.ts';
import { concatColumns } from './concat-columns.ts';
import { diffColumns } from './diff-columns.ts';
import { type DiffOptions, SAMPLES_MAX, tallyRecords } from './diff-records.ts';
import { Pace } from './pace.ts';
import type { RecordSource, SourcePart } from './record-source.ts';
import { keyFunction } from './row-identity.ts';
import type { RowKey } from './row-key.ts';
import { parseRules } from './rules.ts';
import { type OpenSpill, PartitionedRows } from './spill.ts';
import { Tally } from './tally.ts';

export interface SourceDiffOptions extends Omit<DiffOptions, 'timeFields'> {
  /**
   * Bytes of rows, as they are read, that may be in memory at once; records take several times as much. Of columns on both
   * sides, which are compared as they are, it is eight times as many, but not by content. @default 64 MiB
   */
  readonly memoryBytes?: number;
  /** Where rows go that do not fit. */
  readonly openSpill: OpenSpill;
  /** Rows read, and rows compared so far. */
  readonly onProgress?: (read: number, compared: number) => void;
}

/** Rows that are not their format. */
export interface Undecodable {
  readonly a: number;
  readonly b: number;
  /** What was wrong with the first few. */
  readonly samples: readonly string[];
}

export interface SourceDiffReport extends DiffReport {
  readonly undecodable: Undecodable;
  /** Whether rows had to be set aside on a disk. */
  readonly isSpilled: boolean;
}

const MIB = 1024 * 1024;
const MEMORY_BYTES = 64 * MIB;
/** Columns that are compared as they are, and become no records: so much more of them fits. */
const COLUMNS_SHARE = 8;
const PARTITIONS = { min: 8, unknown: 64, max: 256 };
const DEPTH_MAX = 4;
const ROWS_PER_TURN = 500;
const SAMPLE_WORDS_MAX = 5;

type SideName = 'a' | 'b';

/** Both sides, as far as they are read. */
type Reading = Readonly<Record<SideName, AsyncIterator<SourcePart>>>;

/** Decoded rows with their numbers. */
interface Rows {
  readonly records: DiffRecord[];
  readonly numbers: number[];
}

function hashKey(key: RowKey, seed: number): number {
  const text = typeof key === 'string' ? key : `${typeof key}${key}`;
  let hash = (0x811c9dc5 ^ Math.imul(seed + 1, 0x9e3779b1)) | 0;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

class SourceDiff {
  readonly #sources: Readonly<Record<SideName, RecordSource>>;
  readonly #options: SourceDiffOptions;
  readonly #memoryBytes: number;
  readonly #tally: Tally;
  readonly #keyOf: ((record: DiffRecord) => RowKey) | undefined;
  readonly #timeFields: readonly string[];
  readonly #rows = { a: 0, b: 0 };
  readonly #undecodable = { a: 0, b: 0, samples: [] as string[] };
  readonly #held: Record<SideName, SourcePart[]> = { a: [], b: [] };
  readonly #read = { a: 0, b: 0 };
  #compared = 0;
  #partitions = PARTITIONS.unknown;

  constructor(a: RecordSource, b: RecordSource, options: SourceDiffOptions) {
    this.#sources = { a, b };
    this.#options = options;
    this.#memoryBytes = options.memoryBytes ?? MEMORY_BYTES;
    this.#tally = new Tally(options.samplesMax ?? SAMPLES_MAX);
    this.#timeFields = [...a.timeFields, ...b.timeFields];
    this.#keyOf = keyFunction(options.key, options.rules ?? parseRules(), this.#timeFields);
    if (a.bytes !== undefined && b.bytes !== undefined) {
      const wanted = Math.ceil((4 * (a.bytes + b.bytes)) / this.#memoryBytes);
      this.#partitions = Math.max(PARTITIONS.min, Math.min(PARTITIONS.max, wanted));
    }
  }

  async run(): Promise<SourceDiffReport> {
    const reading: Reading = {
      a: this.#sources.a.parts()[Symbol.asyncIterator](),
      b: this.#sources.b.parts()[Symbol.asyncIterator](),
    };
    try {
      const isSpilled = !(await this.#hold(reading));
      const whole = isSpilled ? undefined : await this.#compareColumns();
      if (isSpilled) await this.#compareSpilled(reading);
      else if (!whole) await this.#compareRows(await this.#decodeHeld('a'), await this.#decodeHeld('b'));
      const report = whole ?? this.#tally.report(this.#rows.a, this.#rows.b);
      return { ...report, undecodable: this.#undecodable, isSpilled };
    } finally {
      await reading.a.return?.();
      await reading.b.return?.();
    }
  }

  /** Reads both sides as long as they fit. @returns whether everything is held */
  async #hold(rest: Reading): Promise<boolean> {
    let bytes = 0;
    let areColumns =
      this.#sources.a.isColumnar && this.#sources.b.isColumnar && this.#options.key !== 'content';
    for (const side of ['a', 'b'] as const) {
      for (let next = await rest[side].next(); !next.done; next = await rest[side].next()) {
        const part = next.value;
        this.#held[side].push(part);
        bytes += part.bytes;
        areColumns &&= part.columns !== undefined;
        await this.#turn(side, part.rows);
        if (bytes > this.#memoryBytes * (areColumns ? COLUMNS_SHARE : 1)) return false;
      }
    }
    return true;
  }

  async #turn(side: SideName, rows: number): Promise<void> {
    this.#read[side] += rows;
    this.#tellProgress();
    this.#options.signal?.throwIfAborted();
    await this.#options.yieldToLoop?.();
  }

  #tellProgress(): void {
    this.#options.onProgress?.(this.#read.a + this.#read.b, this.#compared);
  }

  /** Only when both sides are nothing but columns. */
  async #compareColumns(): Promise<DiffReport | undefined> {
    const pace = new Pace(this.#options);
    const partsOf = (side: SideName): readonly Columns[] | undefined => {
      const parts = this.#held[side].flatMap((part) => (part.columns ? [part.columns] : []));
      return parts.length > 0 && parts.length === this.#held[side].length ? parts : undefined;
    };
    const [partsA, partsB] = [partsOf('a'), partsOf('b')];
    if (!partsA || !partsB) return undefined;
    const a = await concatColumns(partsA[0]?.columns ?? [], partsA, pace);
    const b = await concatColumns(partsB[0]?.columns ?? [], partsB, pace);
    return diffColumns(a, b, this.#options);
  }

  /** The record, or undefined for a row that is counted as undecodable. */
  #decode(side: SideName, part: SourcePart, row: number): DiffRecord | undefined {
    try {
      return part.record(row);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#undecodable[side] += 1;
      const { samples } = this.#undecodable;
      if (samples.length < SAMPLE_WORDS_MAX) samples.push(`${this.#sources[side].name}: ${error.message}`);
      return undefined;
    }
  }

  async #decodeHeld(side: SideName): Promise<Rows> {
    const rows: Rows = { records: [], numbers: [] };
    let first = 0;
    for (const part of this.#held[side].splice(0)) {
      for (let row = 0; row < part.rows; row += 1) {
        const record = this.#decode(side, part, row);
        if (record) {
          rows.records.push(record);
          rows.numbers.push(first + row);
        }
        if (row % ROWS_PER_TURN === ROWS_PER_TURN - 1) await this.#options.yieldToLoop?.();
      }
      first += part.rows;
    }
    return rows;
  }

  async #compareRows(a: Rows, b: Rows): Promise<void> {
    this.#rows.a += a.records.length;
    this.#rows.b += b.records.length;
    await tallyRecords(a, b, this.#inner(), this.#tally);
    this.#compared += a.records.length + b.records.length;
    this.#tellProgress();
  }

  #inner(): DiffOptions {
    return { ...this.#options, timeFields: this.#timeFields };
  }

  #partitionOf(record: DiffRecord, row: number, partitions: number, depth: number): number {
    return hashKey(this.#keyOf ? this.#keyOf(record) : row, depth) % partitions;
  }

  async #compareSpilled(rest: Reading): Promise<void> {
    const opened: PartitionedRows[] = [];
    try {
      const open = async (): Promise<PartitionedRows> => {
        const rows = new PartitionedRows(await this.#options.openSpill(), this.#partitions, this.#memoryBytes);
        opened.push(rows);
        return rows;
      };
      const [a, b] = [await open(), await open()];
      await this.#spread('a', a, rest.a);
      await this.#spread('b', b, rest.b);
      for (let partition = 0; partition < this.#partitions; partition += 1)
        await this.#comparePartition(a, b, partition, 0);
    } finally {
      for (const rows of opened) await rows.close();
    }
  }

  /** Writes what is held and what is left to read to the partitions. */
  async #spread(side: SideName, into: PartitionedRows, rest: AsyncIterator<SourcePart>): Promise<void> {
    let first = 0;
    for (const part of this.#held[side].splice(0)) {
      await this.#spreadPart(side, part, first, into);
      first += part.rows;
    }
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      await this.#spreadPart(side, next.value, first, into);
      first += next.value.rows;
      await this.#turn(side, next.value.rows);
    }
  }

  async #spreadPart(side: SideName, part: SourcePart, first: number, into: PartitionedRows): Promise<void> {
    for (let row = 0; row < part.rows; row += 1) {
      const record = this.#decode(side, part, row);
      if (!record) continue;
      const partition = this.#partitionOf(record, first + row, this.#partitions, 0);
      const written = into.add(partition, first + row, part.encode(row));
      if (written) await written;
      if (row % ROWS_PER_TURN === ROWS_PER_TURN - 1) await this.#options.yieldToLoop?.();
    }
  }

  async #comparePartition(
    a: PartitionedRows,
    b: PartitionedRows,
    partition: number,
    depth: number,
  ): Promise<void> {
    const bytes = a.bytesOf(partition) + b.bytesOf(partition);
    if (bytes <= this.#memoryBytes || depth >= DEPTH_MAX) {
      await this.#compareRows(await this.#restore('a', a, partition), await this.#restore('b', b, partition));
      return;
    }
    const [x, y] = [
      await this.#respread('a', a, partition, depth),
      await this.#respread('b', b, partition, depth),
    ];
    try {
      for (let next = 0; next < PARTITIONS.min; next += 1) await this.#comparePartition(x, y, next, depth + 1);
    } finally {
      await x.close();
      await y.close();
    }
  }

  async #respread(
    side: SideName,
    from: PartitionedRows,
    partition: number,
    depth: number,
  ): Promise<PartitionedRows> {
    const into = new PartitionedRows(await this.#options.openSpill(), PARTITIONS.min, this.#memoryBytes);
    const { restore } = this.#sources[side];
    for await (const rows of from.read(partition)) {
      for (const { row, bytes } of rows) {
        const next = this.#partitionOf(restore(bytes), row, PARTITIONS.min, depth + 1);
        const written = into.add(next, row, bytes);
        if (written) await written;
      }
      await this.#options.yieldToLoop?.();
    }
    return into;
  }

  async #restore(side: SideName, from: PartitionedRows, partition: number): Promise<Rows> {
    const rows: Rows = { records: [], numbers: [] };
    const { restore } = this.#sources[side];
    for await (const some of from.read(partition)) {
      for (const { row, bytes } of some) {
        rows.records.push(restore(bytes));
        rows.numbers.push(row);
      }
      await this.#options.yieldToLoop?.();
    }
    return rows;
  }
}

/**
 * What differs between two sources. Rules must fit the traits of both (`parseRules(…, traitsOf(a, b))`).
 * @throws what a source throws while it is read; ConfigError like `diffRecords`; what the spill throws
 */
export function diffSources(
  a: RecordSource,
  b: RecordSource,
  options: SourceDiffOptions,
): Promise<SourceDiffReport> {
  return new SourceDiff(a, b, options).run();
}

/** The traits of a comparison of two sources. */
export function traitsOf(a: RecordSource, b: RecordSource): Required<RecordSource['traits']> {
  return {
    isTabular: a.traits.isTabular === true || b.traits.isTabular === true,
    isText: a.traits.isText === true || b.traits.isText === true,
  };
}
