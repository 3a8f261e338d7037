/**
 * Reads a file or stream of any size as batches of whole records, with bounded memory.
 *
 * F1 the bytes of the records are untouched; of CSV, each batch repeats the header, and rows of Parquet are written as
 * NDJSON. F2 a read that starts at the `endOffset` of a batch gives the batches that came after it, with the same ids. F3 a
 * batch ends only between records.
 */
import type { Readable } from 'node:stream';
import { findHeader, isUtf16 } from '../codecs/csv-header.ts';
import { type Pointer, parsePointer } from '../codecs/json-pointer.ts';
import { type BatchInput, FORMATS, type Format } from '../core/batch.ts';
import { ConfigError, InputError } from '../core/errors.ts';
import { sha256 } from '../core/keys.ts';
import { CsvScanner } from './csv-scanner.ts';
import { type InputSource, openSource } from './input-source.ts';
import { readElements } from './json-elements.ts';
import { WholeScanner } from './line-scanner.ts';
import { readParquetLines } from './parquet-lines.ts';
import { RecordCutter, type Slice } from './record-cutter.ts';
import type { RecordScanner } from './record-scanner.ts';
import { createRecordScanner } from './scanner-of-format.ts';

/** What can be read: the formats of batches, and Parquet, whose rows become batches of NDJSON. */
export const INPUT_FORMATS = [...FORMATS, 'parquet'] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

export interface ReadOptions {
  /** A path, `-` for standard input, or a stream that starts at the first byte of its source. */
  readonly input: string | Readable;
  /** Of `parquet`, offsets count the bytes of the lines that its rows become and not those of the input. */
  readonly format: InputFormat;
  /**
   * Only for `json`: a JSON Pointer to the array whose elements are the records. Batches are then these elements one after
   * the other, and offsets count their bytes and not those of the input. @default the input is the array, or the records
   */
  readonly jsonPath?: string;
  /** Records per batch. @default 500 */
  readonly batchRows?: number;
  /** Bytes per batch; a larger record is a batch of its own. @default 1 MiB */
  readonly batchBytes?: number;
  /** Bytes per record, and per whole input for formats that are one record. @default 64 MiB */
  readonly recordBytesMax?: number;
  /** Starts at the `endOffset` of an earlier batch. A stream is read and dropped up to there. */
  readonly from?: { readonly offset: number };
  readonly signal?: AbortSignal;
}

export interface FileBatch {
  /** Ready for `submit()`; attributes `source` and `source_offset` say where it is from. */
  readonly input: BatchInput;
  /** Where its records start in the source, in bytes. */
  readonly startOffset: number;
  /** Where the next batch starts: the offset to resume from once this one is acknowledged. */
  readonly endOffset: number;
  /** Records in it. */
  readonly rows: number;
}

const KIB = 1024;
const MIB = KIB * KIB;
const DEFAULTS = { batchRows: 500, batchBytes: MIB, recordBytesMax: 64 * MIB };

interface Settings extends ReadOptions {
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly recordBytesMax: number;
  readonly offset: number;
  readonly pointer: Pointer | undefined;
}

/** What every batch repeats, and the scanner and bytes for the rest. */
interface Body {
  readonly header: Uint8Array;
  readonly start: number;
  readonly scanner: RecordScanner;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Batches of a file, of standard input or of a stream, read as they are pulled.
 * @throws InputError INPUT_NOT_FOUND, INPUT_DENIED, INPUT_IS_DIRECTORY, INPUT_UNREADABLE; INPUT_EMPTY when there is
 *   no record at all; INPUT_RECORD_TOO_LARGE after the batches before that record
 *   PARQUET_… for a Parquet file that cannot be read; INPUT_PATH_NOT_FOUND when there is nothing at `jsonPath` in a document
 * @throws ConfigError for a limit that is not a positive integer, an unknown format, or a `jsonPath` that is no pointer
 */
export async function* readBatches(options: ReadOptions): AsyncGenerator<FileBatch, void, undefined> {
  const settings = checkSettings(options);
  const source = openSource(options.input);
  const body = await openBody(source, settings);
  const batchFormat = settings.format === 'parquet' ? 'ndjson' : settings.format;
  const cutter = new RecordCutter(body.scanner, {
    rowsMax: settings.batchRows,
    // Records as long as the header at least, so that repeating it no more than doubles what is read.
    bytesMax: Math.max(1, settings.batchBytes - body.header.length, body.header.length),
    recordBytesMax: settings.recordBytesMax,
  });
  const toBatch = (slice: Slice): FileBatch => fileBatch(slice, body, source.name, batchFormat);
  for await (const chunk of body.chunks) {
    for (const slice of cutter.push(chunk)) yield toBatch(slice);
    if (cutter.oversized) break;
  }
  for (const slice of cutter.finish()) yield toBatch(slice);
  if (cutter.oversized) {
    const { start, index } = cutter.oversized;
    throw tooLarge(
      source.name,
      body.start + start,
      `record ${index + 1} of this read`,
      settings.recordBytesMax,
    );
  }
  if (cutter.rowsTotal === 0 && settings.offset === 0) throw inputEmpty(source.name, settings.format);
}

function checkSettings(options: ReadOptions): Settings {
  if (!INPUT_FORMATS.includes(options.format)) {
    throw new ConfigError(
      'format',
      `found ${JSON.stringify(options.format)}`,
      `Use one of ${INPUT_FORMATS.join(', ')}.`,
    );
  }
  return {
    ...options,
    batchRows: positive('batchRows', options.batchRows ?? DEFAULTS.batchRows, 1),
    batchBytes: positive('batchBytes', options.batchBytes ?? DEFAULTS.batchBytes, 1),
    recordBytesMax: positive('recordBytesMax', options.recordBytesMax ?? DEFAULTS.recordBytesMax, 1),
    offset: positive('from.offset', options.from?.offset ?? 0, 0),
    pointer: checkPointer(options),
  };
}

/** @returns undefined when the records are the input itself */
function checkPointer({ jsonPath, format }: ReadOptions): Pointer | undefined {
  if (jsonPath === undefined || jsonPath === '') return undefined;
  if (format !== 'json') {
    throw new ConfigError('jsonPath', `found it with format ${format}`, 'It is for format json; leave it out.');
  }
  const pointer = parsePointer(jsonPath);
  if (typeof pointer !== 'string') return pointer;
  throw new ConfigError('jsonPath', pointer, 'Write it like /data/items.');
}

function positive(path: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new ConfigError(
    path,
    `found ${value}, expected a whole number of at least ${min}`,
    'Give another value.',
  );
}

async function openBody(source: InputSource, settings: Settings): Promise<Body> {
  const { format, offset, signal, pointer } = settings;
  if (format === 'csv') return openCsv(source, settings);
  if (format === 'parquet') {
    const lines = readParquetLines(source.read(0, signal), source.name, settings.recordBytesMax);
    const chunks = skip(new Uint8Array(0), lines, offset);
    return { header: new Uint8Array(0), start: offset, scanner: createRecordScanner('ndjson'), chunks };
  }
  if (pointer) {
    const elements = readElements(source.read(0, signal), pointer, source.name);
    const chunks = skip(new Uint8Array(0), elements, offset);
    return { header: new Uint8Array(0), start: offset, scanner: createRecordScanner(format), chunks };
  }
  const chunks = source.read(offset, signal);
  return { header: new Uint8Array(0), start: offset, scanner: createRecordScanner(format), chunks };
}

/** Reads the header, then goes on behind it or, in a file, jumps to the offset. */
async function openCsv(source: InputSource, settings: Settings): Promise<Body> {
  const { offset, signal } = settings;
  const chunks = source.read(0, signal);
  const { header, rest, lineEnd } = await takeHeader(chunks, source.name, settings);
  // Without a header nothing can be cut: the bytes are kept as one record, which fails to decode.
  if (header.length === 0)
    return { header, start: 0, scanner: new WholeScanner(), chunks: skip(rest, chunks, 0) };
  const scanner = new CsvScanner({ delimiter: findHeader(header).delimiter, lineEnd });
  const start = Math.max(offset, header.length);
  if (source.isFile && offset > header.length) {
    await chunks.return();
    return { header, start, scanner, chunks: source.read(offset, signal) };
  }
  return { header, start, scanner, chunks: skip(rest, chunks, start - header.length) };
}

/** What was read to find the header: its bytes, none when it cannot be read, and the bytes behind it. */
interface HeaderRead {
  readonly header: Uint8Array;
  readonly rest: Uint8Array;
  /** The byte that ends records. */
  readonly lineEnd: number;
}

async function takeHeader(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  name: string,
  { recordBytesMax, format }: Settings,
): Promise<HeaderRead> {
  const scanner = new CsvScanner();
  const held: Uint8Array[] = [];
  let headerEnd = -1;
  let bytes = 0;
  const visit = (_start: number, end: number): void => {
    if (headerEnd < 0) headerEnd = end;
  };
  while (headerEnd < 0) {
    const next = await chunks.next();
    if (next.done && !scanner.isQuoted) throw inputEmpty(name, format);
    if (next.done) return splitAt(held, 0, scanner.lineEnd);
    held.push(next.value);
    bytes += next.value.length;
    scanner.scan(next.value, visit);
    if (headerEnd < 0 && bytes > recordBytesMax) {
      await chunks.return();
      throw tooLarge(name, 0, 'the header', recordBytesMax);
    }
  }
  return splitAt(held, headerEnd, scanner.lineEnd);
}

function splitAt(held: readonly Uint8Array[], headerEnd: number, lineEnd: number): HeaderRead {
  const all = Buffer.concat(held);
  // The lines of UTF-16 are no lines of bytes.
  const end = isUtf16(all) ? 0 : headerEnd;
  return { header: all.subarray(0, end), rest: all.subarray(end), lineEnd };
}

/** All bytes but the first `bytes`; leaving the loop ends `chunks`, also before it was asked for anything. */
async function* skip(
  first: Uint8Array,
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  bytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = bytes;
  try {
    yield first.subarray(left);
    left = Math.max(0, left - first.length);
    for await (const chunk of chunks) {
      yield chunk.subarray(left);
      left = Math.max(0, left - chunk.length);
    }
  } finally {
    await chunks.return();
  }
}

function fileBatch(slice: Slice, { header, start }: Body, source: string, format: Format): FileBatch {
  const startOffset = start + slice.start;
  const body = header.length === 0 ? slice.bytes : Buffer.concat([header, slice.bytes]);
  return {
    input: {
      body,
      format,
      // By place and content: two equal batches of one input are two batches, the same batch read again is the same.
      id: `${source}@${startOffset}:${sha256(body)}`,
      attributes: { source, source_offset: String(startOffset) },
    },
    startOffset,
    endOffset: start + slice.end,
    rows: slice.rows,
  };
}

function inputEmpty(name: string, format: InputFormat): InputError {
  return new InputError('INPUT_EMPTY', `${name} has no ${format} records`, {
    hint: 'Check that the right file was given, and that --format is the format of its content.',
    offset: 0,
  });
}

function tooLarge(name: string, offset: number, what: string, max: number): InputError {
  return new InputError(
    'INPUT_RECORD_TOO_LARGE',
    `${name}: ${what}, at byte ${offset}, has more than ${max} bytes`,
    {
      hint: 'Check the format and, in CSV, for a quote that is not closed; or raise the limit for one record.',
      offset,
    },
  );
}
