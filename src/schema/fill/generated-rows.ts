/**
 * Writes and compiles a function that fills rows of one layout: every name is expected where it was, so that it is
 * compared four bytes at a time and never looked up, and every value is read by code for its column.
 *
 * R1 a row that is in any way another goes to the complete way (`row-filler.ts`) from its start; so the generated code
 * may only ever accept less than that. R2 it reads at most `MARGIN_BYTES` beyond a row.
 */

import { skipNested } from '../../codecs/json-skip.ts';
import { compileCode } from '../../core/generated-code.ts';
import type { FieldPlan } from '../plan.ts';
import type { Detour } from './detour.ts';
import { BoolStore, NumberStore, TimeStore, WideStore } from './fixed-stores.ts';
import { decimalCode, NUMBER_SCOPE, rangeCode, wholeCode, wideCode } from './generated-numbers.ts';
import { copyRest } from './generated-support.ts';
import type { Layout } from './layout.ts';
import type { ColumnStore } from './store.ts';
import { TextStore } from './text-store.ts';

/** Rows must end so far from the end of the body. */
export const MARGIN_BYTES = 64;

/** What the generated code calls for what it does not do itself. */
export interface RowFallback {
  /** Fills row `place` the complete way. @returns whether it is time for a turn of others */
  fillRow(place: number): boolean;
  /** Whether those bytes of the body are UTF-8. */
  isText(start: number, end: number): boolean;
  /** Fills one cell from the JSON value at `at`, or tells that it drifted. @returns the offset after the value; -1: no value */
  fillValue(place: number, column: number, at: number, end: number): number;
  /** Sees to names out of the layout; only of layouts that have names. */
  readonly detour: Detour | undefined;
}

/** @returns the row to go on with: `to`, or an earlier one when it is time for a turn */
export type FillRows = (
  stores: readonly ColumnStore[],
  body: Uint8Array,
  view: DataView,
  starts: Int32Array,
  ends: Int32Array,
  absentOf: (column: number) => Uint8Array,
  from: number,
  to: number,
  fallback: RowFallback,
) => number;

/** Code that compares the bytes at `at` with `text` and moves on, or leaves the block `otherwise`. */
export function expectText(text: string, otherwise = 'row'): string {
  const bytes = Buffer.from(text);
  const tests: string[] = [];
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4)
    tests.push(`v.getInt32(at + ${at}, true) !== ${bytes.readInt32LE(at)}`);
  if (at < bytes.length && bytes.length > 4) {
    tests.push(`v.getInt32(at + ${bytes.length - 4}, true) !== ${bytes.readInt32LE(bytes.length - 4)}`);
  } else for (; at < bytes.length; at += 1) tests.push(`u[at + ${at}] !== ${bytes[at]}`);
  return `if (${tests.join(' || ')}) break ${otherwise};\nat += ${bytes.length};\n`;
}

const NULL_WORD = Buffer.from('null').readInt32LE(0);
const TRUE_WORD = Buffer.from('true').readInt32LE(0);
const FALS_WORD = Buffer.from('fals').readInt32LE(0);

/** `read` unless the value is null. */
function nullOr(column: number, nullable: boolean, read: string): string {
  if (!nullable) return read;
  return `if (v.getInt32(at, true) === ${NULL_WORD}) { S${column}.skip(i); at += 4; } else {\n${read}}\n`;
}

/** What stands behind a number that ends there. */
const ENDS = 'if (u[at] !== 44 && u[at] !== 125) break bad;\n';

function readNumber(column: number, store: NumberStore): string {
  const number = store.isWhole ? wholeCode('bad') : decimalCode('bad', 'x = doubleOf(u, s, at);');
  return `${number} ${ENDS} ${rangeCode(column, store, 'bad')}`;
}

function readWide(column: number, isUnsigned: boolean): string {
  return wideCode(column, { exit: 'bad', isUnsigned, before: ENDS });
}

function readTime(column: number): string {
  return `
  if (u[at] !== 34) break bad;
  at += 1;
  e = u[at + 24] === 34 ? at + 24 : u[at + 20] === 34 ? at + 20 : u[at + 27] === 34 ? at + 27 : u[at + 30] === 34 ? at + 30 : at;
  if (!S${column}.fill(u, 1, at, e, i)) break bad;
  at = e + 1;
`;
}

function readBool(column: number): string {
  return `
  b = v.getInt32(at, true);
  if (b === ${TRUE_WORD}) { d${column}[i] = 1; at += 4; }
  else if (b === ${FALS_WORD} && u[at + 4] === 101) { d${column}[i] = 0; at += 5; }
  else break bad;
`;
}

/** Code that catches up with what the complete way wrote to a column of text. */
export function reload(column: number): string {
  return `h${column} = S${column}.bytes; t${column} = d${column}[i + 1];`;
}

function readText(column: number): string {
  return `
  if (u[at] !== 34) break bad;
  s = at;
  x = t${column};
  while ((b = u[at += 1]) !== 34) {
    if (b < 32 || b === 92 || b > 127) { x = -1; break; }
    h${column}[x++] = b;
  }
  if (x >= 0) { at += 1; t${column} = x; d${column}[i + 1] = x; }
  else if (b > 127 && (at = copyRest(u, s + 1, end, h${column}, t${column})) > 0) {
    t${column} += at - s - 1;
    d${column}[i + 1] = t${column};
    at += 1;
  } else break bad;
`;
}

function readNested(column: number): string {
  return `
  if (u[at] !== 123 && u[at] !== 91) break bad;
  e = skipNested(u, at, end);
  if (e < 0) break bad;
  x = t${column};
  while (at < e) h${column}[x++] = u[at++];
  t${column} = x;
  d${column}[i + 1] = x;
`;
}

interface ColumnCode {
  readonly setup: string;
  readonly read: string;
}

function codeOf(store: ColumnStore, column: number, isNullable: boolean): ColumnCode {
  const setup = `const S${column} = S[${column}];`;
  const array = (property: string): string => `${setup} const d${column} = S${column}.${property};`;
  if (store instanceof NumberStore && store.isPlain) {
    return { setup: array('data'), read: nullOr(column, isNullable, readNumber(column, store)) };
  }
  if (store instanceof WideStore && store.isPlain) {
    return { setup: array('words'), read: nullOr(column, isNullable, readWide(column, store.isUnsigned)) };
  }
  if (store instanceof TimeStore && store.isPlain) {
    return { setup, read: nullOr(column, isNullable, readTime(column)) };
  }
  if (store instanceof BoolStore) {
    return { setup: array('data'), read: nullOr(column, isNullable, readBool(column)) };
  }
  if (store instanceof TextStore) {
    const heap = `${array('offsets')} let h${column} = S${column}.bytes; let t${column} = d${column}[from];`;
    if (store.takes === 'text') return { setup: heap, read: nullOr(column, isNullable, readText(column)) };
    if (store.takes === 'json') return { setup: heap, read: nullOr(column, isNullable, readNested(column)) };
    return { setup: heap, read: 'break bad;\n' };
  }
  return { setup, read: 'break bad;\n' };
}

/** Reads the value; what that cannot take is seen to cell by cell, and the row goes on. */
function valueCode(stores: readonly ColumnStore[], column: number, read = ''): string {
  const again = stores[column] instanceof TextStore ? reload(column) : '';
  return `w = at;
  good: {
    bad: {
      ${read}
      break good;
    }
    at = f.fillValue(i, ${column}, w, end);
    if (at < 0) break row;
    ${again}
  }
`;
}

/** Lets the detour see to what is at `at` in place of member `position`; `q` is then where the row goes on. */
function findCode(position: number, condition: string): string {
  return `${condition} { q = D.find(i, ${position}, at, end); if (q < 0) break row; at = D.at; }`;
}

/** Name and value of a member, unless a detour has gone past it. */
function memberCode(position: number, name: string, value: string): string {
  return `if (q <= ${position}) member: {
    if (q < ${position}) named: {
      other: {
        ${expectText(name, 'other')}
        break named;
      }
      ${findCode(position, '')}
      if (q > ${position}) break member;
    }
    ${value}
  }`;
}

function sourceOf(plans: readonly FieldPlan[], layout: Layout, stores: readonly ColumnStore[]): string {
  const codes = stores.map((store, column) => codeOf(store, column, plans[column]?.takesNull ?? false));
  const colon = `:${' '.repeat(layout.afterColon)}`;
  const comma = `,${' '.repeat(layout.afterComma)}`;
  const members = layout.order.map((column, position) => {
    const name = `${position === 0 ? '{' : comma}${JSON.stringify(plans[column]?.column.name)}${colon}`;
    return memberCode(position, name, valueCode(stores, column, codes[column]?.read));
  });
  const absent = stores.flatMap((_, column) => (layout.order.includes(column) ? [] : [column]));
  const reloads = stores.flatMap((store, column) => (store instanceof TextStore ? [reload(column)] : []));
  return `'use strict';
return function fillRows(S, u, v, starts, ends, absentOf, from, to, f) {
  ${codes.map(({ setup }) => setup).join('\n  ')}
  ${absent.map((column) => `const m${column} = absentOf(${column});`).join(' ')}
  const D = f.detour, last = u.length - ${MARGIN_BYTES};
  let at = 0, b = 0, e = 0, q = -1, s = 0, w = 0, x = 0, neg = false;
  for (let i = from; i < to; i += 1) {
    const end = ends[i];
    row: {
      if (end > last) break row;
      at = starts[i];
      q = -1;
      ${members.join('\n')}
      ${findCode(members.length, `if (u[at] !== 125)`)}
      if (u[at] !== 125 || at + 1 !== end) break row;
      if (q >= 0 && !D.finish(i)) break row;
      ${absent.map((column) => `S${column}.skip(i); m${column}[i] = 1;`).join(' ')}
      continue;
    }
    if (f.fillRow(i)) return i + 1;
    ${reloads.join(' ')}
  }
  return to;
};`;
}

/** @returns undefined where the host forbids to compile code; the complete way does it all then */
export function generateRows(
  plans: readonly FieldPlan[],
  layout: Layout,
  stores: readonly ColumnStore[],
): FillRows | undefined {
  return compileCode(sourceOf(plans, layout, stores), { ...NUMBER_SCOPE, copyRest, skipNested });
}
