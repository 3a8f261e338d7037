import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extractRows, framer, JsonScanner } from '../../src/codecs/codecs.ts';
import type { Format } from '../../src/core/batch.ts';
import { batchOf, rowsOf } from './batches.ts';

const TEXT_FORMATS: readonly Format[] = ['ndjson', 'json', 'csv', 'line-protocol'];
const MARK = '\uFEFF';

/** Bytes that are mostly the ones framing cares about, alone and in telling combinations. */
const pieces = [...'"\\,;[]{}\n\r\t =#a1', MARK, `\n${MARK}`, ',[1]', '{"a":', '="', '\n# "', '""', '\r\n'];
const hostileBody = fc
  .array(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...pieces) }, fc.string({ unit: 'binary', maxLength: 3 })),
    { maxLength: 60 },
  )
  .map((parts) => Buffer.from(parts.join('')));
const anyBody = fc.oneof(
  hostileBody,
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
);

describe('ndjson framing', () => {
  it('takes every non-blank line as a row, tolerating CRLF, a mark and a missing last newline', () => {
    expect(rowsOf(`${MARK}{"a":1}\r\n\n  \t\r\n{"a":2}\n{"a":3}`, 'ndjson')).toEqual([
      '{"a":1}',
      '{"a":2}',
      '{"a":3}',
    ]);
  });

  it('finds no row in blank lines', () => {
    expect(framer.count(Buffer.from('\n \r\n\t\n'), 'ndjson')).toBe(0);
  });
});

describe('json framing', () => {
  it('takes the elements of an array as rows, whatever strings hold', () => {
    expect(rowsOf('[{"a":"]},{"},\n {"b":"\\"[\\\\"} , 12, "x", null]', 'json')).toEqual([
      '{"a":"]},{"}',
      '{"b":"\\"[\\\\"}',
      '12',
      '"x"',
      'null',
    ]);
  });

  it('takes a slice of an array: no brackets, a comma first or last', () => {
    expect(rowsOf(',{"a":1},\n{"a":2},', 'json')).toEqual(['{"a":1}', '{"a":2}']);
    expect(rowsOf('{"a":1},{"a":2}]', 'json')).toEqual(['{"a":1}', '{"a":2}']);
  });

  it('keeps elements that are arrays whole, also in a slice that starts at the comma', () => {
    expect(rowsOf('[[1,2],[3]]', 'json')).toEqual(['[1,2]', '[3]']);
    expect(rowsOf(',[1,2],[3]]', 'json')).toEqual(['[1,2]', '[3]']);
  });

  it('takes concatenated documents', () => {
    expect(rowsOf('[{"a":1}]\n[{"a":2}] {"a":3}{"a":4}', 'json')).toEqual([
      '{"a":1}',
      '{"a":2}',
      '{"a":3}',
      '{"a":4}',
    ]);
  });

  it('keeps the unfinished remainder of truncated input as the last row', () => {
    expect(rowsOf('[{"a":1},{"a":2},{"a":"tru', 'json')).toEqual(['{"a":1}', '{"a":2}', '{"a":"tru']);
    expect(rowsOf('[{"a":1},{"a":[2,', 'json')).toEqual(['{"a":1}', '{"a":[2,']);
  });

  it('puts garbage between elements into rows of its own', () => {
    expect(rowsOf('[{"a":1} oops }{"a":2}]', 'json')).toEqual(['{"a":1}', 'oops', '}', '{"a":2}']);
  });

  it('puts commas and brackets without a place into rows of their own (N4)', () => {
    expect(rowsOf('[1,,2]', 'json')).toEqual(['1', ',', '2']);
    expect(rowsOf('[,{"a":1},]', 'json')).toEqual([',', '{"a":1}', ',']);
    expect(rowsOf('[1]],', 'json')).toEqual(['1', ']']);
    expect(rowsOf('[1],', 'json')).toEqual(['1', ',']);
    expect(rowsOf('{"a":1}\n[', 'json')).toEqual(['{"a":1}', '[']);
    expect(rowsOf('[ ]\n[]', 'json')).toEqual([]);
  });

  it('does not overflow on values nested 100,000 deep', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(framer.count(Buffer.from(`[{"a":${deep}},1]`), 'json')).toBe(2);
  });
});

describe('JsonScanner', () => {
  it('finds the same elements however the bytes are cut into chunks', () => {
    fc.assert(
      fc.property(anyBody, fc.array(fc.nat({ max: 80 }), { maxLength: 8 }), (body, cuts) => {
        const whole = new JsonScanner();
        const expected = [...whole.push(body), whole.finish()];
        const pieces = new JsonScanner();
        const edges = [0, ...cuts.map((cut) => Math.min(cut, body.length)).sort((a, b) => a - b), body.length];
        const found: (number | undefined)[] = edges.flatMap((edge, index) =>
          pieces.push(body.subarray(edges[index - 1] ?? 0, edge)),
        );
        found.push(pieces.finish());
        expect(found).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes a byte order mark for one at the very start only, also in pieces', () => {
    const endsOf = (...chunks: readonly string[]) => {
      const scanner = new JsonScanner();
      return [...chunks.flatMap((chunk) => scanner.push(Buffer.from(chunk, 'latin1'))), scanner.finish()];
    };
    expect(endsOf('\xef', '\xbb', '\xbf1 ')).toEqual([4, undefined]);
    expect(endsOf(' ', '\xef\xbb\xbf ')).toEqual([4, undefined]);
    expect(endsOf('x', '\xbb\xbf1')).toEqual([4]);
    expect(endsOf('\xef\xbb', ' 1')).toEqual([2, 4]);
  });

  it('tells where the unfinished element starts and tells it once', () => {
    const scanner = new JsonScanner();
    expect(scanner.push(Buffer.from('[{"a":1}, {"b'))).toEqual([8]);
    expect(scanner.pendingStart).toBe(10);
    expect(scanner.finish()).toBe(13);
    expect(scanner.finish()).toBeUndefined();
    expect(scanner.pendingStart).toBeUndefined();
  });
});

describe('JsonScanner between elements', () => {
  const parts = fc.array(fc.constantFrom(',', ']', '1 ', '{}', ' ', '"a"', 'x '), { maxLength: 12 });

  const spansOf = (text: string): number[][] => {
    const scanner = new JsonScanner();
    const spans: number[][] = [];
    scanner.scan(Buffer.from(text), (start, end) => spans.push([start, end]));
    scanner.finish((start, end) => spans.push([start, end]));
    return spans;
  };

  it('finds the same elements when it starts behind any of them (N4)', () => {
    fc.assert(
      fc.property(parts, fc.constantFrom('', '['), (pieces, head) => {
        const text = head + pieces.join('');
        const spans = spansOf(text);
        spans.forEach(([, end = 0], index) => {
          const rest = spansOf(text.slice(end)).map((span) => span.map((at) => at + end));
          expect(rest).toEqual(spans.slice(index + 1));
        });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('opaque and arrow-ipc', () => {
  it('are one row of all bytes', () => {
    expect(rowsOf('a\nb', 'opaque')).toEqual(['a\nb']);
    expect(rowsOf('a\nb', 'arrow-ipc')).toEqual(['a\nb']);
  });
});

describe('every format', () => {
  it('counts what it frames, and rows ascend without overlap, whatever the bytes', () => {
    fc.assert(
      fc.property(anyBody, fc.constantFrom(...TEXT_FORMATS), (body, format) => {
        const frame = framer.frame(body, format);
        expect(framer.count(body, format)).toBe(frame.rowCount);
        let end = 0;
        for (let row = 0; row < frame.rowCount; row += 1) {
          const bytes = frame.row(row);
          const start = bytes.byteOffset - body.byteOffset;
          expect(start).toBeGreaterThanOrEqual(end);
          expect(bytes.length).toBeGreaterThan(0);
          end = start + bytes.length;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves no byte outside of rows but separators, marks, headers and comments', () => {
    const between: Record<string, RegExp> = {
      ndjson: /^[\s\uFEFF]*$/,
      json: /^[\s,[\]\uFEFF]*$/,
      csv: /^[\r\n\uFEFF]*$/,
    };
    fc.assert(
      fc.property(hostileBody, fc.constantFrom('ndjson', 'json', 'csv'), (text, format) => {
        const header = format === 'csv' ? 'h\n' : '';
        const body = Buffer.concat([Buffer.from(header), text]);
        const frame = framer.frame(body, format as Format);
        let at = header.length;
        for (let row = 0; row <= frame.rowCount; row += 1) {
          const bytes = row < frame.rowCount ? frame.row(row) : body.subarray(body.length);
          const start = bytes.byteOffset - body.byteOffset;
          expect(body.toString('utf8', at, start)).toMatch(between[format] ?? /^$/);
          at = start + bytes.length;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('gives back exactly the extracted rows when the extract is framed again', () => {
    fc.assert(
      fc.property(
        anyBody,
        fc.constantFrom(...TEXT_FORMATS),
        fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
        (body, format, picks) => {
          const batch = batchOf(body, format);
          const rows = Array.from({ length: batch.rowCount }, (_, row) => row).filter((row) => picks[row % 60]);
          const frame = framer.frame(extractRows(batch, rows), format);
          expect(frame.rowCount).toBe(rows.length);
          rows.forEach((row, index) => {
            expect(Buffer.compare(frame.row(index), batch.frame.row(row))).toBe(0);
          });
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('extractRows', () => {
  it('returns the untouched body, not a copy, for all rows', () => {
    const batch = batchOf(Buffer.from('{"a":1}\r\n{"a":2}'), 'ndjson');
    expect(extractRows(batch, 'all')).toBe(batch.body);
    expect(extractRows(batch, [0, 1])).toBe(batch.body);
  });

  it('writes each format as documented', () => {
    const text = (body: string, format: Format, rows: number[]) =>
      Buffer.from(extractRows(batchOf(body, format), rows)).toString();
    expect(text('{"a":1}\r\n{"a":2}\n{"a":3}', 'ndjson', [0, 2])).toBe('{"a":1}\n{"a":3}\n');
    expect(text('[{"a":1}, {"a":2},{"a":3}]', 'json', [0, 2])).toBe('{"a":1},\n{"a":3}');
    expect(text('[[1],[2],[3]]', 'json', [1, 2])).toBe('[\n[2],\n[3]');
    expect(text('[1,,[2],,3]', 'json', [1, 2, 4])).toBe('[,]\n[[2]]\n[3');
    expect(text('[1,2]],3', 'json', [0, 2])).toBe('[1]\n[]]');
    expect(text(`{}\n${MARK}{}\n{}`, 'ndjson', [1])).toBe(`${MARK}${MARK}{}\n`);
    expect(text('a;b\r\n1;2\r\n3;4\r\n5;6', 'csv', [0, 2])).toBe('a;b\n1;2\n5;6');
    expect(text('m f=1\n# c\nm f=2\nm f=3', 'line-protocol', [0, 2])).toBe('m f=1\nm f=3');
  });

  it('holds nothing when no row is meant', () => {
    expect(extractRows(batchOf('{"a":1}\n', 'ndjson'), [])).toHaveLength(0);
  });
});
