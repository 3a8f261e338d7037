import { describe, expect, it } from 'vitest';
import { ConfigError, SchemaError } from '../../../src/core/errors.ts';
import { Int32 } from '../../../src/schema/arrow.ts';
import { DriftBook } from '../../../src/schema/drift/drift-book.ts';
import { judgeDrift, readTolerance, tolerancesOf } from '../../../src/schema/drift/tolerance.ts';
import { field } from '../schemas.ts';

/** 10 rows of 4 fields, the first `mismatched` cells of `a` and so on do not conform. */
function bookOf(mismatched: Readonly<Record<string, number>>): DriftBook {
  const names = ['a', 'b', 'c', 'd'];
  const book = new DriftBook(names);
  book.look(10);
  for (const [name, count] of Object.entries(mismatched)) {
    if (count > 0) book.add(names.indexOf(name), name, 'type', 0, 0, count);
  }
  return book;
}

describe('judging drift', () => {
  it.each([
    ['nothing', {}, 0, 'conforms'],
    ['as much as is tolerated', { a: 4 }, 0.1, 'schema-mismatch'],
    ['one cell more', { a: 5 }, 0.1, 'beyond-tolerance'],
    ['anything, when nothing is tolerated', { a: 1 }, 0, 'beyond-tolerance'],
    ['everything, when everything is tolerated', { a: 10, b: 10, c: 10, d: 10 }, 1, 'schema-mismatch'],
  ])('finds %s', (_what, mismatched, chain, verdict) => {
    expect(judgeDrift(bookOf(mismatched), { chain }).verdict).toBe(verdict);
    expect(judgeDrift(bookOf(mismatched).report(), { chain }).verdict).toBe(verdict);
  });

  it('holds a field to its own tolerance, and names the worst', () => {
    const fields = new Map([
      ['a', 0.1],
      ['b', 0.2],
    ]);
    expect(judgeDrift(bookOf({ a: 1, b: 2 }), { chain: 0.5, fields })).toEqual({
      verdict: 'schema-mismatch',
      words: '',
    });
    expect(judgeDrift(bookOf({ a: 3, b: 6 }), { chain: 0.5, fields })).toEqual({
      verdict: 'beyond-tolerance',
      field: 'b',
      words: 'b: 60.0 % of its cells mismatched, 20.0 % are tolerated',
    });
  });

  it('counts the cells of a tolerant field for all cells as well', () => {
    const fields = new Map([['a', 1]]);
    expect(judgeDrift(bookOf({ a: 10 }), { chain: 0.2, fields })).toEqual({
      verdict: 'beyond-tolerance',
      words: '25.0 % of all cells mismatched, 20.0 % are tolerated',
    });
  });

  it('does not divide by the cells of a field that is always absent', () => {
    const book = new DriftBook(['a', 'b']);
    book.look(1);
    book.addAbsent(0);
    book.add(1, 'b', 'type', 0, 0);
    expect(judgeDrift(book, { chain: 1, fields: new Map([['a', 0]]) }).verdict).toBe('schema-mismatch');
  });
});

describe('declaring tolerance', () => {
  it.each(['0', '0.25', '1', '1.0', '1e-6', '2.5E-3'])('reads %s', (text) => {
    expect(readTolerance(field('a', new Int32(), { tolerance: text }))).toBe(Number(text));
  });

  it('is not declared by default', () => {
    expect(readTolerance(field('a', new Int32()))).toBeUndefined();
  });

  it.each(['', ' ', '-0.1', '1.1', '20%', '0x1', 'NaN', 'Infinity', '.5', '25', '00.5'])(
    'refuses %j and names the field and the key',
    (text) => {
      const read = () => readTolerance(field('temp', new Int32(), { tolerance: text }));
      expect(read).toThrow(SchemaError);
      expect(read).toThrow('field "temp": tolerance is ');
    },
  );

  it('gathers what a schema declares', () => {
    const fields = [field('a', new Int32(), { tolerance: '0.5' }), field('b', new Int32())];
    expect(tolerancesOf(fields, 0.25)).toEqual({ chain: 0.25, fields: new Map([['a', 0.5]]) });
    expect(() => tolerancesOf(fields, 1.5)).toThrow(ConfigError);
    expect(() => tolerancesOf(fields, Number.NaN)).toThrow('tolerance: found NaN');
  });
});
