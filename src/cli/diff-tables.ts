/** Readers of files that hold columns, behind one port. */
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import { readArrowIpc } from '../codecs/arrow-ipc.ts';
import { openParquet } from '../codecs/parquet.ts';
import { badRowError, type UndecodableRow } from '../codecs/parquet-bad-rows.ts';
import type { Column } from '../core/columns.ts';
import { InputError, TierfallError } from '../core/errors.ts';
import type { OpenFile } from '../core/file-system.ts';
import type { ColumnsPart, RowFault } from '../diff/record-source.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';

/** A file of columns. */
export interface TableFile {
  readonly columns: readonly Column[];
  /** Its rows, a part at a time, in order. Read once, to the end or until the loop is left. */
  parts(): AsyncIterable<ColumnsPart>;
}

/**
 * Opens a file of columns; `-` is standard input, held whole.
 * @throws InputError when it is not there or not what its name says
 */
export type OpenTable = (path: string) => Promise<TableFile>;

function unreadable(path: string, error: unknown): TierfallError {
  if (error instanceof InputError) {
    const { code, hint, offset } = error;
    const place = offset === undefined ? {} : { offset };
    return new InputError(code, `${path}: ${error.message}`, { hint, cause: error, ...place });
  }
  if (error instanceof TierfallError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') {
    const hint = 'Check the path; it is relative to the current directory.';
    return new InputError('INPUT_NOT_FOUND', `${path} is not there`, { hint, cause: error });
  }
  const hint = 'Check that it is a file, and that this user may read it.';
  return new InputError('INPUT_UNREADABLE', `${path} could not be read (${code || message})`, {
    hint,
    cause: error,
  });
}

/** Of a file of columns on standard input, which is held whole. */
const STDIN_BYTES_MAX = 1024 * 1024 * 1024;

async function readInput(path: string): Promise<Uint8Array> {
  if (path !== '-') return nodeFileSystem.readFile(path);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > STDIN_BYTES_MAX) {
      throw new InputError('INPUT_RECORD_TOO_LARGE', `it has more than ${STDIN_BYTES_MAX} bytes`, {
        hint: 'Write it to a file and name that.',
      });
    }
  }
  return Buffer.concat(chunks);
}

/** Standard input as a file. */
function inMemory(bytes: Uint8Array): Pick<OpenFile, 'size' | 'read' | 'close'> {
  return {
    size: async () => bytes.length,
    read: async (position, length) => bytes.subarray(position, position + length),
    close: async () => {},
  };
}

/** Told with its number in the file; `first` is that of its row group. */
function faultOf(bad: UndecodableRow, first: number): RowFault {
  return { row: bad.row, error: badRowError({ ...bad, row: first + bad.row }) };
}

async function openParquetOf(file: Pick<OpenFile, 'size' | 'read' | 'close'>): Promise<TableFile> {
  const byteLength = await file.size();
  const slice = async (start: number, end = byteLength): Promise<ArrayBuffer> =>
    Uint8Array.from(await file.read(start, end - start)).buffer;
  const parquet = await openParquet({ byteLength, slice }, { yieldToLoop });
  return {
    columns: parquet.columns,
    async *parts() {
      try {
        let first = 0;
        for (let group = 0; group < parquet.rowGroups; group += 1) {
          const { undecodable, ...columns } = await parquet.readRowGroup(group);
          yield { ...columns, faults: undecodable.map((bad) => faultOf(bad, first)) };
          first += columns.rows.length + undecodable.length;
        }
      } finally {
        await file.close();
      }
    },
  };
}

/** Row group by row group. */
export const openParquetFile: OpenTable = async (path) => {
  try {
    const file = path === '-' ? inMemory(await readInput(path)) : await nodeFileSystem.open(path, 'read');
    return await openParquetOf(file).catch(async (error: unknown) => {
      await file.close();
      throw error;
    });
  } catch (error) {
    throw unreadable(path, error);
  }
};

/** The whole file at once, record batch by record batch. */
export const openArrow: OpenTable = async (path) => {
  try {
    const batches = readArrowIpc(await readInput(path));
    return {
      columns: batches[0]?.columns ?? [],
      async *parts() {
        yield* batches;
      },
    };
  } catch (error) {
    throw unreadable(path, error);
  }
};
