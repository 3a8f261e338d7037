import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { framer } from '../../src/codecs/codecs.ts';
import type { Format } from '../../src/core/batch.ts';
import { ConfigError, InputError } from '../../src/core/errors.ts';
import { type FileBatch, type ReadOptions, readBatches } from '../../src/ingress/files.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tierfall-ingress-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** A stream that gives `content` in pieces of the given sizes, over and over. */
function stream(content: Uint8Array, sizes: readonly number[]): Readable {
  function* pieces(): Generator<Uint8Array> {
    let at = 0;
    for (let i = 0; at < content.length; i += 1) {
      const size = sizes[i % sizes.length] ?? 1;
      yield content.subarray(at, at + size);
      at += size;
    }
  }
  return Readable.from(pieces(), { objectMode: false });
}

async function read(options: ReadOptions): Promise<FileBatch[]> {
  const batches: FileBatch[] = [];
  for await (const batch of readBatches(options)) batches.push(batch);
  return batches;
}

function bodyOf({ input }: FileBatch): Buffer {
  return Buffer.from(input.body as Uint8Array);
}

function texts(batches: readonly FileBatch[]): string[] {
  return batches.map((batch) => bodyOf(batch).toString());
}

/** Reads until the error; gives both. */
async function readToError(options: ReadOptions): Promise<{ batches: FileBatch[]; error: InputError }> {
  const batches: FileBatch[] = [];
  try {
    for await (const batch of readBatches(options)) batches.push(batch);
  } catch (error) {
    if (error instanceof InputError) return { batches, error };
    throw error;
  }
  throw new Error('the read did not fail');
}

const word = fc.stringMatching(/^[a-z0-9 ]{0,6}$/);
const lineEnd = fc.constantFrom('\n', '\r\n', '\n\n', '\n \r\n');
const joined = (parts: fc.Arbitrary<string>, ends: fc.Arbitrary<string> = lineEnd): fc.Arbitrary<string> =>
  fc.array(fc.tuple(parts, ends), { minLength: 1, maxLength: 12 }).map((list) => list.flat().join(''));

const csvCell = fc.oneof(
  word,
  word.map((text) => `"${text}""\n${text}"`),
  word.map((text) => `${text}5" x`),
);
const csvRow = fc.tuple(csvCell, csvCell).map((cells) => cells.join(';'));
const point = fc.constantFrom(
  'm,t=a f=1i 5',
  'm f="a\nb"',
  '# "no point',
  'm\\ x,t=\\" f="q\\"\nz",g=2',
  'm,t=a\\\\ b="x\ny" f=1',
  'm a\\="\\ =1,b="\\\\" 5',
  'm f=a" 1',
  '',
);
const element = fc.constantFrom('{"a":"]}\\""}', '[1,[2]]', '"x,\\\\"', '12', 'null', '{"n":{"m":[]}}');

/** Content of each format with everything that could mislead a cutter, ending anywhere. */
const CONTENT: { readonly [F in Format]?: fc.Arbitrary<string> } = {
  ndjson: joined(fc.oneof(word, fc.constant('{"a":1}'))),
  csv: fc.oneof(
    joined(csvRow).map((rows) => `id;na"me\n${rows}`),
    // Line ends are CR alone when that of the header is, however many there are; a LF behind them makes it CRLF.
    fc
      .tuple(
        fc.constantFrom('\r', '\r\r', '\n\r'),
        fc.constantFrom('\r', '\r\r', '\r\r\n'),
        joined(csvRow, fc.constantFrom('\r', '\r\r', '\r\n')),
      )
      .map(([blank, lineEnd, rows]) => `${blank}id;"n\ra"${lineEnd}${rows}`),
  ),
  'line-protocol': joined(
    fc.oneof(
      point,
      fc.array(fc.constantFrom(...'m ="\\,\n\t#'), { maxLength: 9 }).map((letters) => letters.join('')),
    ),
    fc.constantFrom('\n', '\r\n'),
  ),
  json: joined(element, fc.constantFrom(',', ' ,\n')).map((elements) => `[${elements}`),
};
const source = fc.oneof(
  ...Object.entries(CONTENT).map(([format, content]) =>
    fc.tuple(content, fc.nat({ max: 3 }), fc.constantFrom('', '\ufeff')).map(([text, cut, mark]) => ({
      format: format as Format,
      bytes: Buffer.from(mark + text.slice(0, text.length - cut)),
    })),
  ),
);
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
const limits = fc.record({
  batchRows: fc.integer({ min: 1, max: 5 }),
  batchBytes: fc.integer({ min: 1, max: 60 }),
});

async function readOrNothing(options: ReadOptions): Promise<FileBatch[]> {
  return read(options).catch((error: unknown) => {
    if (error instanceof InputError && error.code === 'INPUT_EMPTY') return [];
    throw error;
  });
}

describe('reading batches', () => {
  it('gives back every byte, whatever the chunks and limits (F1)', async () => {
    await fc.assert(
      fc.asyncProperty(source, sizes, limits, async ({ format, bytes }, chunks, limit) => {
        const batches = await readOrNothing({ input: stream(bytes, chunks), format, ...limit });
        const header = batches[0]?.startOffset ?? 0;
        for (const [i, batch] of batches.entries()) {
          const own = bytes.subarray(batch.startOffset, batch.endOffset);
          expect(bodyOf(batch)).toEqual(Buffer.concat([bytes.subarray(0, header), own]));
          expect(batch.startOffset).toBe(batches[i - 1]?.endOffset ?? header);
        }
        if (batches.length > 0) expect(batches.at(-1)?.endOffset).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 600 },
    );
  });

  it('cuts where the framer sees record ends: the rows of all batches are the rows of the whole (F3)', async () => {
    await fc.assert(
      fc.asyncProperty(source, sizes, limits, async ({ format, bytes }, chunks, limit) => {
        const batches = await readOrNothing({ input: stream(bytes, chunks), format, ...limit });
        const rowsOf = (body: Uint8Array): string[] => {
          const frame = framer.frame(body, format);
          return Array.from({ length: frame.rowCount }, (_, row) => Buffer.from(frame.row(row)).toString());
        };
        expect(batches.flatMap((batch) => rowsOf(bodyOf(batch)))).toEqual(rowsOf(bytes));
        for (const batch of batches) {
          expect(batch.rows).toBe(framer.count(bodyOf(batch), format));
          expect(batch.rows).toBeLessThanOrEqual(limit.batchRows);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('gives the same later batches when it starts at the end of any batch, from a file or a stream (F2)', async () => {
    await fc.assert(
      fc.asyncProperty(source, sizes, limits, fc.nat(), async ({ format, bytes }, chunks, limit, pick) => {
        const batches = await readOrNothing({ input: stream(bytes, chunks), format, ...limit });
        fc.pre(batches.length > 0);
        const done = pick % batches.length;
        const options = { format, ...limit, from: { offset: batches[done]?.endOffset ?? 0 } };
        const named = (list: readonly FileBatch[]): object[] =>
          list.map(({ input, ...rest }) => ({
            ...rest,
            body: String(input.body),
            hash: input.id?.split(':')[1],
          }));
        const expected = named(batches.slice(done + 1));
        expect(named(await read({ ...options, input: stream(bytes, [7, 3]) }))).toEqual(expected);
        expect(named(await read({ ...options, input: file('resumed', bytes) }))).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps a batch within its bytes unless one record is larger', async () => {
    const lines = ['{"a":1}', '{"a":2}', `{"a":"${'x'.repeat(40)}"}`, '{"a":4}'];
    const batches = await read({
      input: file('bytes.ndjson', lines.join('\n')),
      format: 'ndjson',
      batchBytes: 16,
    });
    expect(batches.map(({ rows }) => rows)).toEqual([2, 1, 1]);
  });

  it('ends the last batch at the end of the source, with what closes the array', async () => {
    const batches = await read({ input: file('closed.json', '[\n{"a":1},\n{"a":2}\n]\n'), format: 'json' });
    expect(texts(batches)).toEqual(['[\n{"a":1},\n{"a":2}\n]\n']);
  });

  it('puts 500 records into a batch by default', async () => {
    const batches = await read({ input: file('many.ndjson', '{"a":1}\n'.repeat(1_201)), format: 'ndjson' });
    expect(batches.map(({ rows }) => rows)).toEqual([500, 500, 201]);
  });

  it('repeats the CSV header, byte order mark and all, in front of each batch', async () => {
    const batches = await read({
      input: file('a.csv', '\ufeffid,name\r\n1,"a\nb"\r\n2,c\r\n'),
      format: 'csv',
      batchRows: 1,
    });
    expect(texts(batches)).toEqual(['\ufeffid,name\r\n1,"a\nb"\r\n', '\ufeffid,name\r\n2,c\r\n']);
    expect(batches[0]?.input.attributes).toEqual({ source: 'a.csv', source_offset: '12' });
  });

  it('gives the complete elements of a truncated JSON file and the remainder as one last row', async () => {
    const input = file('truncated.json', '[{"a":1},{"a":2},{"a":"unfini');
    const batches = await read({ input, format: 'json', batchRows: 2 });
    expect(batches.map(({ rows }) => rows)).toEqual([2, 1]);
    expect(texts(batches)[1]).toBe(',{"a":"unfini');
  });

  it('gives equal batches of one input different ids, and a batch read again the same id', async () => {
    const input = file('equal.ndjson', '{"a":1}\n'.repeat(4));
    const ids = async (): Promise<(string | undefined)[]> =>
      (await read({ input, format: 'ndjson', batchRows: 2 })).map((batch) => batch.input.id);
    const first = await ids();
    expect(new Set(first).size).toBe(2);
    expect(await ids()).toEqual(first);
    file('equal.ndjson', '{"a":2}\n'.repeat(4));
    expect(await ids()).not.toEqual(first);
  });

  it('takes a file of an opaque format as one record', async () => {
    const [batch, ...others] = await read({
      input: file('image.bin', Buffer.alloc(3_000_000, 10)),
      format: 'opaque',
    });
    expect([batch?.rows, batch?.endOffset, others.length]).toEqual([1, 3_000_000, 0]);
  });

  it('takes a CSV whose header never closes its quote as one record, so that no byte is lost', async () => {
    const batches = await read({ input: file('open.csv', 'a,"b\n1,2\n'), format: 'csv' });
    expect(texts(batches)).toEqual(['a,"b\n1,2\n']);
  });
});

describe('reading what cannot be read', () => {
  it.each([
    ['INPUT_NOT_FOUND', () => join(directory, 'absent.csv')],
    ['INPUT_NOT_FOUND', () => join(file('plain', 'x'), 'below')],
    ['INPUT_IS_DIRECTORY', () => directory],
    ['INPUT_EMPTY', () => file('empty', '')],
    ['INPUT_EMPTY', () => file('blank', '\n \r\n\n')],
    ['INPUT_UNREADABLE', () => '/proc/self/mem'],
  ])('says %s with a hint', async (code, input) => {
    const { error } = await readToError({ input: input(), format: 'ndjson' });
    expect(error.code).toBe(code);
    expect(error.hint).not.toBe('');
  });

  it('says INPUT_DENIED for a file that this user may not read', async () => {
    const denied = Readable.from(
      (function* (): Generator<Uint8Array> {
        yield Buffer.from('{}\n');
        throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      })(),
    );
    const { error } = await readToError({ input: denied, format: 'ndjson' });
    expect(error.code).toBe('INPUT_DENIED');
  });

  it.each<[Format, string]>([
    ['csv', 'id,name\n'],
    ['csv', 'id,name'],
    ['json', ' [ ]\n'],
    ['line-protocol', '# only\n# comments'],
    ['opaque', ''],
  ])('says INPUT_EMPTY for %s without a record', async (format, content) => {
    const { error } = await readToError({ input: file('none', content), format });
    expect([error.code, error.offset]).toEqual(['INPUT_EMPTY', 0]);
  });

  it('stops at a line without end within bounded memory, after giving the records before it', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 120);
    let given = 0;
    function* endless(): Generator<Uint8Array> {
      yield Buffer.from('{"a":1}\n{"a":2}\n');
      for (; given < 1024; given += 1) yield chunk;
    }
    const options = {
      input: Readable.from(endless()),
      format: 'ndjson',
      recordBytesMax: 4 * 1024 * 1024,
    } as const;
    const { batches, error } = await readToError(options);
    expect(batches.map(({ rows, endOffset }) => [rows, endOffset])).toEqual([[2, 16]]);
    expect([error.code, error.offset]).toEqual(['INPUT_RECORD_TOO_LARGE', 16]);
    expect(error.message).toContain('record 3 of this read, at byte 16');
    expect(given).toBeLessThan(24);
  });

  it('refuses a record over the limit also when it came in one chunk, and a header too', async () => {
    const long = 'x'.repeat(100);
    const line = await readToError({
      input: stream(Buffer.from(`a\n${long}\nb\n`), [500]),
      format: 'ndjson',
      recordBytesMax: 50,
    });
    expect([line.error.offset, line.batches.length]).toEqual([2, 1]);
    const header = await readToError({
      input: stream(Buffer.from(long), [500]),
      format: 'csv',
      recordBytesMax: 50,
    });
    expect(header.error.message).toContain('the header');
    const whole = await readToError({
      input: stream(Buffer.from(long), [9]),
      format: 'opaque',
      recordBytesMax: 50,
    });
    expect(whole.error.code).toBe('INPUT_RECORD_TOO_LARGE');
  });

  it('rejects with the reason of its signal and closes the stream', async () => {
    const controller = new AbortController();
    const input = stream(Buffer.from('{"a":1}\n'.repeat(100)), [8]);
    const reading = (async () => {
      for await (const batch of readBatches({
        input,
        format: 'ndjson',
        batchRows: 10,
        signal: controller.signal,
      })) {
        if (batch.endOffset >= 160) controller.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(input.destroyed).toBe(true);
  });

  it('rejects while it waits for bytes that never come', async () => {
    const input = new Readable({ read: () => {} });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(read({ input, format: 'ndjson', signal })).rejects.toThrow('enough');
    const controller = new AbortController();
    const waiting = read({ input: new Readable({ read: () => {} }), format: 'csv', signal: controller.signal });
    setImmediate(() => controller.abort(new Error('later')));
    await expect(waiting).rejects.toThrow('later');
  });

  it('closes the input when the caller leaves the loop early', async () => {
    for (const format of ['ndjson', 'csv'] as const) {
      for (const size of [4, 1000]) {
        const input = stream(Buffer.from('a,b\n'.repeat(100)), [size]);
        for await (const _ of readBatches({ input, format, batchRows: 1 })) break;
        expect(input.destroyed).toBe(true);
      }
    }
  });

  it('refuses a stream of objects', async () => {
    const { error } = await readToError({ input: Readable.from([{ a: 1 }]), format: 'ndjson' });
    expect(error).toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: 'the stream gives object, expected bytes',
    });
  });

  it.each([{ batchRows: 0 }, { batchBytes: 1.5 }, { recordBytesMax: -1 }, { from: { offset: -1 } }])(
    'refuses %o, naming the option',
    async (bad) => {
      const error = await read({ input: file('ok', 'x'), format: 'ndjson', ...bad }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(ConfigError);
    },
  );
});
