import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRow, extractRows, framer, JSON_PATH_ATTRIBUTE } from '../../src/codecs/codecs.ts';
import { JsonPathScanner } from '../../src/codecs/json-path-scanner.ts';
import { parsePointer } from '../../src/codecs/json-pointer.ts';
import { Batch } from '../../src/core/batch.ts';
import { InputError } from '../../src/core/errors.ts';

function batchAt(path: string, body: Uint8Array | string): Batch {
  return new Batch({ body, format: 'json', attributes: { [JSON_PATH_ATTRIBUTE]: path } }, 'test', framer, 0);
}

function rowsAt(path: string, body: Uint8Array | string): string[] {
  const { frame } = batchAt(path, body);
  return Array.from({ length: frame.rowCount }, (_, row) => Buffer.from(frame.row(row)).toString());
}

function valuesOf(batch: Batch): unknown[] {
  return Array.from({ length: batch.rowCount }, (_, row) => decodeRow(batch, row));
}

/** The value of a row, or the code of its error. */
function outcomeOf(batch: Batch, row: number): unknown {
  try {
    return decodeRow(batch, row);
  } catch (error) {
    if (error instanceof InputError) return error.code;
    throw error;
  }
}

describe('a path into JSON', () => {
  it('takes the elements of the array it leads to as rows, and nothing else', () => {
    const body = '{"meta":{"items":[9]},"data":{"n":1,"items":[{"a":"]}"},\n [1] , "x" ],"z":[2]},"end":null}';
    expect(rowsAt('/data/items', body)).toEqual(['{"a":"]}"}', '[1]', '"x"']);
    expect(decodeRow(batchAt('/data/items', body), 0)).toEqual({ a: ']}' });
  });

  it('leads through arrays by index, to names that need escapes, and to the empty name', () => {
    expect(rowsAt('/1/a', '[{"a":[1]},{"a":[2,3]},{"a":[4]}]')).toEqual(['2', '3']);
    expect(rowsAt('/a~1b/~0/', '{"a/b":{"~":{"":[1]}}}')).toEqual(['1']);
    expect(rowsAt('/é', '{"\\u00e9":[1],"e":[2]}')).toEqual(['1']);
    expect(rowsAt('/0', '{"0":[1]}')).toEqual(['1']);
  });

  it('takes a value that is no array as one row, and an empty array as none', () => {
    expect(rowsAt('/a', '{"a":{"b":1}}')).toEqual(['{"b":1}']);
    expect(rowsAt('/a', '{"a": 5}')).toEqual(['5']);
    expect(rowsAt('/a', '{"a":[]}')).toEqual([]);
  });

  it('takes both values of a name that is there twice, so that no record is dropped', () => {
    expect(rowsAt('/a/b', '{"a":{"b":[1]},"a":{"b":[2],"b":[3]}}')).toEqual(['1', '2', '3']);
  });

  it('tells commas without a place in the array as rows of their own, once each (W4)', () => {
    expect(rowsAt('/a', '{"a":[1,,2]}')).toEqual(['1', ',', '2']);
    expect(rowsAt('/a', '{"a":[ , {"b":1} , ]}')).toEqual([',', '{"b":1}', ',']);
    expect(rowsAt('/a', '{"a":[,]} {"a":[1,2]}')).toEqual([',', '1', '2']);
    const batch = batchAt('/a', '{"a":[1,,2,3]}');
    expect(Buffer.from(extractRows(batch, [0, 1, 3])).toString()).toBe('{"a":[1]}\n{"a":[,]}\n{"a":[3]}');
    expect(outcomeOf(batch, 1)).toBe('ROW_UNDECODABLE');
  });

  it('looks into each of several documents', () => {
    expect(rowsAt('/a', '{"a":[1]} {"a":[2]}\n{"a":[3]}')).toEqual(['1', '2', '3']);
  });

  it('keeps a document it leads nowhere in as one row, which says so', () => {
    const batch = batchAt('/a/b', '{"a":{"b":[1]}}\n{"a":{"c":[2]}} 7');
    expect(batch.rowCount).toBe(3);
    expect(() => decodeRow(batch, 1)).toThrow('row 1 (byte 16): there is nothing at /a/b');
    expect(Buffer.from(batch.frame.row(1)).toString()).toBe('{"a":{"c":[2]}}');
    expect([outcomeOf(batch, 0), outcomeOf(batch, 2)]).toEqual([1, 'ROW_UNDECODABLE']);
  });

  it('keeps what is unfinished, of an element or of a document in which nothing was found yet', () => {
    expect(rowsAt('/a', '{"a":[{"b":1},{"b":"tru')).toEqual(['{"b":1}', '{"b":"tru']);
    expect(rowsAt('/a', '{"b":{"a":[1]}, "c')).toEqual(['{"b":{"a":[1]}, "c']);
  });

  it('makes the whole body one row when it is no pointer', () => {
    for (const path of ['data', '/a~2']) {
      const batch = batchAt(path, '{"data":[1]}');
      expect(batch.rowCount).toBe(1);
      expect(() => decodeRow(batch, 0)).toThrow('is no JSON pointer');
    }
    expect(rowsAt('', '[1,2]')).toEqual(['1', '2']);
  });

  it('does not overflow on what is nested 100,000 deep, before the path and in an element', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(framer.count(Buffer.from(`{"x":${deep},"a":[${deep},1]}`), 'json', { 'json-path': '/a' })).toBe(2);
    const path = '/0'.repeat(10_000);
    expect(rowsAt(path, `${'['.repeat(10_000)}[1,2]${']'.repeat(10_000)}`)).toEqual(['1', '2']);
  });

  it('gives the elements that JSON.parse gives, at any path of any document', () => {
    const document = fc.json({ maxDepth: 4 }).map((text) => JSON.parse(text) as unknown);
    const names = fc.array(
      fc.oneof(fc.string({ unit: 'grapheme', maxLength: 4 }), fc.constantFrom('a', '/', '~', '0')),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(
        names,
        fc.array(document, { maxLength: 5 }),
        document,
        fc.nat(3),
        (path, elements, other, indent) => {
          const value = path.reduceRight<unknown>(
            (inner, name) =>
              Object.fromEntries([
                ...(name === 'x' ? [] : [['x', other]]),
                [name, inner],
                ...(name === 'y' ? [] : [['y', other]]),
              ]),
            elements,
          );
          const pointer = path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
          const batch = batchAt(pointer, JSON.stringify(value, null, indent));
          expect(valuesOf(batch)).toEqual(valuesOf(batchAt('', JSON.stringify(elements))));
        },
      ),
      { numRuns: 500 },
    );
  });
});

const pieces = [
  ...'"\\,;[]{}:\n \t1ab',
  '\uFEFF',
  '\xef',
  '{"a":',
  '{"a":[',
  '{"a":{"b":[',
  '"b":[',
  '[{',
  '}]',
  ']}',
  '\\u0061',
];
const hostileBody = fc
  .array(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...pieces) }, fc.string({ unit: 'binary', maxLength: 2 })),
    {
      maxLength: 50,
    },
  )
  .map((parts) => Buffer.from(parts.join(''), 'utf8'));
const hostilePath = fc.constantFrom('/a', '/a/b', '/0', '/0/a', '/');

describe('a path into any bytes', () => {
  it('counts what it frames, and rows ascend without overlap', () => {
    fc.assert(
      fc.property(hostileBody, hostilePath, (body, path) => {
        const attributes = { [JSON_PATH_ATTRIBUTE]: path };
        const frame = framer.frame(body, 'json', attributes);
        expect(framer.count(body, 'json', attributes)).toBe(frame.rowCount);
        let end = 0;
        for (let row = 0; row < frame.rowCount; row += 1) {
          const bytes = frame.row(row);
          expect(bytes.byteOffset - body.byteOffset).toBeGreaterThanOrEqual(end);
          expect(bytes.length).toBeGreaterThan(0);
          end = bytes.byteOffset - body.byteOffset + bytes.length;
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('finds the same rows however the bytes are cut into chunks', () => {
    fc.assert(
      fc.property(
        hostileBody,
        hostilePath,
        fc.array(fc.nat({ max: 60 }), { maxLength: 6 }),
        (body, path, cuts) => {
          const rowsOf = (edges: readonly number[]) => {
            const pointer = parsePointer(path);
            const scanner = new JsonPathScanner(typeof pointer === 'string' ? [] : pointer);
            const rows: unknown[] = [];
            const visit = (...row: readonly unknown[]) => void rows.push(row);
            edges.forEach((edge, at) => {
              scanner.scan(body.subarray(edges[at - 1] ?? 0, edge), visit);
            });
            return [...rows, scanner.finish(visit)];
          };
          const edges = cuts.map((cut) => Math.min(cut, body.length)).sort((a, b) => a - b);
          expect(rowsOf([...edges, body.length])).toEqual(rowsOf([body.length]));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('finds rows that were cut out again by the same path, with the same bytes and outcome', () => {
    fc.assert(
      fc.property(hostileBody, hostilePath, fc.infiniteStream(fc.boolean()), (body, path, choice) => {
        const batch = batchAt(path, body);
        const rows = Array.from({ length: batch.rowCount }, (_, row) => row).filter(() => choice.next().value);
        if (rows.length === 0) return;
        const part = batchAt(path, extractRows(batch, rows));
        expect(rowsAt(path, part.body)).toEqual(
          rows.map((row) => Buffer.from(batch.frame.row(row)).toString()),
        );
        expect(rows.map((_, row) => outcomeOf(part, row))).toEqual(rows.map((row) => outcomeOf(batch, row)));
      }),
      { numRuns: 4000 },
    );
  });
});
