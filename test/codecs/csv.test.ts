import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import papaparse from 'papaparse';
import { describe, expect, it } from 'vitest';
import { decodeRecord, decodeRow, extractRows, framer } from '../../src/codecs/codecs.ts';
import { csvTokenizer } from '../../src/codecs/csv-tokenizer.ts';
import { TOKEN, TOKEN_STRIDE, Tokens } from '../../src/codecs/tokens.ts';
import { batchOf, expectTokensAsDecoded, faultOf, rowsOf } from './batches.ts';

const MARK = '\uFEFF';

/** All rows as plain objects; a row that fails as the reason. */
function read(body: Uint8Array | string): unknown[] {
  const batch = batchOf(body, 'csv');
  return Array.from({ length: batch.rowCount }, (_, row) => {
    try {
      return { ...decodeRecord(batch, row) };
    } catch (error) {
      return (error as Error).message;
    }
  });
}

const namesOf = (header: string) => Object.keys(decodeRecord(batchOf(`${header}\n${header}`, 'csv'), 0));

describe('cells', () => {
  it('are text under the names of the header, however much they look like numbers', () => {
    expect(read('a,b,c\n1,007,1e3\ntrue,NULL,2026-01-01\n')).toEqual([
      { a: '1', b: '007', c: '1e3' },
      { a: 'true', b: 'NULL', c: '2026-01-01' },
    ]);
  });

  it('are null when empty without quotes, and empty text with quotes', () => {
    expect(read('a,b,c\n,"",\n"",,""')).toEqual([
      { a: null, b: '', c: null },
      { a: '', b: null, c: '' },
    ]);
  });

  it('hold delimiters, quotes and line ends of any kind inside quotes', () => {
    expect(read('a,b\n"x,y","say ""hi"""\n"1\n2\r\n3\r4","""\n"""\n"""""",","')).toEqual([
      { a: 'x,y', b: 'say "hi"' },
      { a: '1\n2\r\n3\r4', b: '"\n"' },
      { a: '""', b: ',' },
    ]);
  });

  it('hold JSON', () => {
    expect(read('key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n')).toEqual([
      { key: '1', val: '{"type": "Point", "coordinates": [102.0, 0.5]}' },
    ]);
  });

  it('keep the spaces around them', () => {
    expect(read('a, b ,c\n 1 ,\t2,  \n')).toEqual([{ a: ' 1 ', ' b ': '\t2', c: '  ' }]);
  });

  it('keep quotes that do not start them, and a quote behind a space', () => {
    expect(read('a,b\n5" disk,x"y"\n "q",""\n')).toEqual([
      { a: '5" disk', b: 'x"y"' },
      { a: ' "q"', b: '' },
    ]);
  });

  it('keep letters of any script, and a byte order mark that is not the first of the body', () => {
    expect(read(`${MARK}größe,東京\nʤ,🚀\n${MARK},"é"`)).toEqual([
      { größe: 'ʤ', 東京: '🚀' },
      { größe: MARK, 東京: 'é' },
    ]);
  });

  it('may be as large as the body', () => {
    const large = 'x\n"'.repeat(1_000_000);
    expect(read(`a,b\n1,"${large.replaceAll('"', '""')}"`)).toEqual([{ a: '1', b: large }]);
  });

  it('survive a round trip through quoting, with any delimiter and line end', () => {
    const letters = fc.constantFrom('a', '"', ',', ';', '\t', '|', '\n', '\r', ' ', 'é');
    const cell = fc.option(fc.string({ unit: letters }), { nil: null });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n', '\r'),
        (rows, delimiter, lineEnd) => {
          const quote = (value: string | null) => (value === null ? '' : `"${value.replaceAll('"', '""')}"`);
          const lines = [['a', 'b'], ...rows.map((row) => row.map(quote))].map((row) => row.join(delimiter));
          expect(read(lines.join(lineEnd))).toEqual(rows.map(([a, b]) => ({ a, b })));
        },
      ),
    );
  });
});

describe('records', () => {
  it.each(['\n', '\r\n', '\r'])('end at %j, with or without one behind the last', (lineEnd) => {
    const rows = [
      { a: '1', b: 'x' },
      { a: '2', b: 'y\r\nz\ry' },
    ];
    const lines = ['a,b', '1,x', '2,"y\r\nz\ry"'];
    expect(read(lines.join(lineEnd))).toEqual(rows);
    expect(read(`${MARK}${lines.join(lineEnd)}${lineEnd}`)).toEqual(rows);
    expect(read(lines.join(lineEnd + lineEnd))).toEqual(rows);
  });

  it('end at CR alone only when the header does, and at CRLF then too', () => {
    expect(read('a,b\n1,x\ry\n')).toEqual([{ a: '1', b: 'x\ry' }]);
    expect(read('a,b\r1,x\ny\r2,z\r\n3,w')).toEqual([
      { a: '1', b: 'x\ny' },
      { a: '2', b: 'z' },
      { a: '3', b: 'w' },
    ]);
  });

  it('are none in blank lines, before the header and in one column too', () => {
    expect(read('\n\r\na\n\n1\n\r\n\n""\n2\n\n')).toEqual([{ a: '1' }, { a: '' }, { a: '2' }]);
  });

  it('are none behind a header alone', () => {
    for (const body of ['a,b', 'a,b\n', 'a,b\r\n', 'a,b\r', `${MARK}a`]) expect(read(body)).toEqual([]);
  });

  it('fail alone when ragged, with row, byte and counts', () => {
    expect(read('a,b\n1\n1,2,3\n1,2,\n \n1,2\n')).toEqual([
      'row 0 (byte 4): 1 cell where the header has 2',
      'row 1 (byte 6): 3 cells where the header has 2',
      'row 2 (byte 12): 3 cells where the header has 2',
      'row 3 (byte 17): 1 cell where the header has 2',
      { a: '1', b: '2' },
    ]);
  });

  it('fail alone when text follows a closing quote', () => {
    expect(read('a,b\n1,"2"x\n"1" ,2\n1,2')).toEqual([
      'row 0 (byte 4): cell 2 goes on after its closing quote',
      'row 1 (byte 11): cell 1 goes on after its closing quote',
      { a: '1', b: '2' },
    ]);
  });

  it('take the rest of the body when a quote is never closed', () => {
    expect(rowsOf('a,b\n1,"x\n2,y\n', 'csv')).toEqual(['1,"x\n2,y\n']);
    expect(read('a,b\n0,0\n1,"x\n2,y\n')).toEqual([
      { a: '0', b: '0' },
      'row 1 (byte 8): cell 2 opens a quote that is never closed',
    ]);
  });

  it('fail alone when they are not UTF-8', () => {
    expect(read(Buffer.from('a,b\n1,\xe9\n2,x', 'latin1'))).toEqual([
      'row 0 (byte 4): the bytes are not valid UTF-8',
      { a: '2', b: 'x' },
    ]);
  });

  it('may have thousands of cells', () => {
    const wide = Array.from({ length: 5_000 }, (_, index) => `c${index}`);
    expect(read(`${wide}\n${wide}`)).toEqual([Object.fromEntries(wide.map((name) => [name, name]))]);
  });
});

describe('the header', () => {
  it.each([
    ['a,b,c', ['a', 'b', 'c']],
    ['a;b;c', ['a', 'b', 'c']],
    ['a\tb\tc', ['a', 'b', 'c']],
    ['a|b|c', ['a', 'b', 'c']],
    ['"x,y,z";b;"1|2|3"', ['x,y,z', 'b', '1|2|3']],
    ['"a\tb""\t","c"', ['a\tb"\t', 'c']],
    ['price, EUR|tax, EUR|sum', ['price, EUR', 'tax, EUR', 'sum']],
    ['a;b,c,d', ['a;b', 'c', 'd']],
    ['Preis, EUR;Summe', ['Preis, EUR', 'Summe']],
    ['only one', ['only one']],
    ['"only, one"', ['only, one']],
  ])('%j tells the delimiter', (header, names) => {
    expect(namesOf(header)).toEqual(names);
  });

  it('is read alike whatever rows follow it, so that extracted rows keep their cells', () => {
    const batch = batchOf('a;b\r1,2,3,4;5\r6;7\r8|9|0;1', 'csv');
    for (const row of [0, 1, 2]) {
      const alone = batchOf(extractRows(batch, [row]), 'csv');
      expect({ ...decodeRecord(alone, 0) }).toEqual({ ...decodeRecord(batch, row) });
    }
  });

  it('may have empty names and names that mean something to JavaScript', () => {
    expect(namesOf(',__proto__,constructor')).toEqual(['', '__proto__', 'constructor']);
  });

  it.each([
    ['a,a,a', ['a', 'a_1', 'a_2']],
    ['c,c,c,c_1', ['c', 'c_2', 'c_3', 'c_1']],
    [',,', ['', '_1', '_2']],
    ['a_1,a,a', ['a_1', 'a', 'a_2']],
    ['a,A', ['a', 'A']],
  ])('%j gets a number where a name occurs again, so that no value is lost', (header, names) => {
    expect(namesOf(header)).toEqual(names);
  });

  it('with very many equal names takes no longer than with others', () => {
    const header = 'a,'.repeat(50_000);
    expect(new Set(namesOf(header)).size).toBe(50_001);
  });

  it('that cannot be read makes the body one row, which says why', () => {
    expect(read('a,"b\n1,2\n')).toEqual(['row 0 (byte 0): the header opens a quote that is never closed']);
    expect(read('a,"b"x\n1,2\n')).toEqual([
      'row 0 (byte 7): the header: cell 2 goes on after its closing quote',
    ]);
    expect(read(Buffer.from('\xe9,b\n1,2', 'latin1'))).toEqual([
      'row 0 (byte 4): the header is not valid UTF-8',
    ]);
  });

  it('of UTF-16 makes the body one row, which names the encoding', () => {
    const little = Buffer.from(`${MARK}a,b\n1,2\n`, 'utf16le');
    const big = Buffer.from(little).swap16();
    for (const body of [little, big]) {
      const fault = faultOf(() => decodeRow(batchOf(body, 'csv'), 0));
      expect([framer.count(body, 'csv'), fault.code]).toEqual([1, 'ROW_NOT_UTF8']);
      expect(`${fault.message} ${fault.hint}`).toMatch(/UTF-16.*Convert the source to UTF-8/);
    }
  });
});

describe('a body', () => {
  /** Rows of cells by another reader; undefined when it finds fault with the quotes. */
  function cellsByPapaparse(body: string): string[][] | undefined {
    const { data, errors } = papaparse.parse<string[]>(body, { delimiter: ',', newline: '\n' });
    return errors.length > 0 ? undefined : data;
  }

  const piece = fc.constantFrom(
    'a',
    '1',
    'é',
    ' ',
    ',',
    '\n',
    '"x"',
    '"a,b"',
    '"c""d"',
    '"l1\nl2"',
    '5" x',
    ';',
    '',
  );
  const rest = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''));

  it('is read as another reader reads it, whatever is quoted', () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.constantFrom('a', 'a,b', 'a,b,c'), rest, (header, text) => {
        const cells = cellsByPapaparse(`${header}\n${text}`)?.slice(1);
        // It drops spaces behind a closing quote, which RFC 4180 has no place for.
        if (!cells || /" +(?:,|\n|$)/.test(text)) return;
        const columns = header.split(',').length;
        const expected = cells
          .filter((row) => row.length > 1 || row[0] !== '')
          .map((row) => (row.length === columns ? row : undefined));
        const found = read(`${header}\n${text}`).map((row) =>
          typeof row === 'object' && row !== null ? Object.values(row).map((cell) => cell ?? '') : undefined,
        );
        expect(found).toEqual(expected);
        compared += expected.length;
      }),
      { numRuns: 2000 },
    );
    expect(compared).toBeGreaterThan(500);
  });
});

describe('tokens', () => {
  const cell = fc.constantFrom(
    '',
    '1',
    'x',
    '""',
    '"a,b"',
    '"a""b"',
    '"a\nb"',
    '"',
    'a"b',
    ' ',
    'é',
    '"é"',
    '"x"y',
  );
  const row = fc.array(cell, { minLength: 1, maxLength: 4 }).map((cells) => cells.join(','));
  const text = fc
    .tuple(
      fc.constantFrom('a', 'a,b', 'a,a,b', 'a,"b', '"a,b"', ';;'),
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.array(row),
    )
    .map(([header, lineEnd, rows]) => Buffer.from([header, ...rows].join(lineEnd)));
  const garbage = fc.oneof(
    fc
      .array(fc.constantFrom(...'",;|\t\n\r a', 'a,b\n', '""', 'é'), { maxLength: 30 })
      .map((parts) => Buffer.from(parts.join(''))),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    text.chain((body) => fc.nat(255).map((byte) => Buffer.concat([body, Buffer.from([byte])]))),
  );

  it('are accepted, named and valued as the decoder does it, whatever the bytes (N1)', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof({ weight: 2, arbitrary: text }, garbage), (body) => {
        accepted += expectTokensAsDecoded(body, 'csv', csvTokenizer);
      }),
      { numRuns: 4000 },
    );
    expect(accepted).toBeGreaterThan(1000);
  });

  it('tell bare cells, empty ones, text and text with doubled quotes apart', () => {
    const body = Buffer.from('a,b,c,d,e\n1,,"","x","y"""');
    const tokens = new Tokens();
    expect(csvTokenizer(body).tokenize(10, body.length, tokens)).toBe(true);
    const spans = Array.from({ length: tokens.count }, (_, index) => [
      ...tokens.data.subarray(index * TOKEN_STRIDE, (index + 1) * TOKEN_STRIDE),
    ]);
    expect(spans).toEqual([
      [-1, 0, TOKEN.cell, 10, 11],
      [-1, 1, TOKEN.null, 12, 12],
      [-1, 2, TOKEN.text, 14, 14],
      [-1, 3, TOKEN.text, 17, 18],
      [-1, 4, TOKEN.escaped, 21, 24],
    ]);
  });

  it('know bad UTF-8 in one row of many from the good rows around it', () => {
    const rows = Array.from({ length: 6_000 }, (_, index) =>
      Buffer.from(
        index % 1000 === 500 ? '\xff\n' : `é-${'x'.repeat(200)}\n`,
        index % 1000 === 500 ? 'latin1' : 'utf8',
      ),
    );
    expect(expectTokensAsDecoded(Buffer.concat([Buffer.from('h\n'), ...rows]), 'csv', csvTokenizer)).toBe(
      5_994,
    );
  });
});
