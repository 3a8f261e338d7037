/**
 * Writes and compiles a function that fills points of one layout, as `generated-rows.ts` does it for objects.
 *
 * R1 and R2 hold as there. R3 whatever a point holds that is not spelled plainly, the whole point goes the complete way: in
 * line protocol a field mostly keeps its type, so that there is little to gain from going on cell by cell.
 */

import { ENDS_MEASUREMENT, ENDS_VALUE } from '../../codecs/line-protocol-known.ts';
import { KEY_BYTES_MAX } from '../../codecs/line-protocol-point.ts';
import { compileCode } from '../../core/generated-code.ts';
import { BoolStore, NumberStore, TimeStore, WideStore } from './fixed-stores.ts';
import { decimalCode, NUMBER_SCOPE, rangeCode, wholeCode, wideCode } from './generated-numbers.ts';
import { expectText, type FillRows, MARGIN_BYTES, reload } from './generated-rows.ts';
import type { PointLayout, PointMember } from './point-layout.ts';
import type { ColumnStore } from './store.ts';
import { TextStore } from './text-store.ts';

/** What makes digits an integer of 64 bits; without it they are a float, which is the same whole number. */
const SUFFIX = 'if (u[at] === 105 || (u[at] === 117 && !neg)) at += 1;\n';

function readNumber(column: number, store: NumberStore): string {
  const number = store.isWhole ? `${wholeCode('row')}${SUFFIX}` : decimalCode('row', 'break row;');
  return `${number}${rangeCode(column, store, 'row')}`;
}

function readWide(column: number, isUnsigned: boolean): string {
  return wideCode(column, {
    exit: 'row',
    isUnsigned,
    afterShort: SUFFIX,
    // A float of so many digits may be another number than they say.
    beforeLong: 'if (u[at] !== 105 && (u[at] !== 117 || neg)) break row;',
    afterLong: 'at += 1;',
  });
}

function readBool(column: number): string {
  return `
  if (u[at] === 116 && u[at + 1] === 114 && u[at + 2] === 117 && u[at + 3] === 101) { d${column}[i] = 1; at += 4; }
  else if (u[at] === 102 && u[at + 1] === 97 && u[at + 2] === 108 && u[at + 3] === 115 && u[at + 4] === 101) { d${column}[i] = 0; at += 5; }
  else break row;
`;
}

function readString(column: number): string {
  return `
  if (u[at] !== 34) break row;
  x = t${column};
  while ((b = u[at += 1]) !== 34) {
    if (b === 92 || at >= end) break row;
    h${column}[x++] = b;
  }
  at += 1;
  t${column} = x;
  d${column}[i + 1] = x;
`;
}

/** @param ends name of the table of bytes that end it */
function readBare(column: number, ends: string): string {
  return `
  s = at;
  x = t${column};
  while (${ends}[b = u[at]] === 0) { h${column}[x++] = b; at += 1; }
  if (at === s) break row;
  t${column} = x;
  d${column}[i + 1] = x;
`;
}

function readTime(column: number, isUnsigned: boolean): string {
  return `
  if (u[at] !== 32 ${isUnsigned ? '|| u[at + 1] === 45' : ''} || !storeDigits(u, at + 1, end, d${column}, i)) break row;
  at = end;
`;
}

/** @returns undefined when the column takes no such values in place */
function valueCode(member: PointMember, store: ColumnStore | undefined): string | undefined {
  const { column, section } = member;
  if (section === 'time') {
    if (store instanceof WideStore && store.isPlain) return readTime(column, store.isUnsigned);
    return store instanceof TimeStore && store.takesCounts ? readTime(column, false) : undefined;
  }
  if (store instanceof TextStore && store.takes === 'text') {
    if (section === 'field') return readString(column);
    return readBare(column, section === 'measurement' ? 'M' : 'V');
  }
  if (section !== 'field') return undefined;
  if (store instanceof NumberStore && store.isPlain) return readNumber(column, store);
  if (store instanceof WideStore && store.isPlain) return readWide(column, store.isUnsigned);
  return store instanceof BoolStore ? readBool(column) : undefined;
}

function memberCode(member: PointMember, value: string): string {
  if (member.name === '') return value;
  const limit = `if (at - starts[i] > ${KEY_BYTES_MAX}) break row;\n`;
  const before = `${member.isFirst ? limit : ''}${expectText(`${member.isFirst ? ' ' : ','}${member.name}=`)}`;
  return `${before}${value}`;
}

/** Arrays of the column as local names, as in `generated-rows.ts`. */
function setupOf(store: ColumnStore, column: number): string {
  const property =
    store instanceof TextStore
      ? 'offsets'
      : store instanceof WideStore || store instanceof TimeStore
        ? 'words'
        : 'data';
  const array = `const S${column} = S[${column}]; const d${column} = S${column}.${property};`;
  if (!(store instanceof TextStore)) return array;
  return `${array} let h${column} = S${column}.bytes; let t${column} = d${column}[from];`;
}

/** @returns undefined when some column takes no values in place */
function sourceOf(layout: PointLayout, stores: readonly ColumnStore[]): string | undefined {
  const members: string[] = [];
  for (const member of layout) {
    const value = valueCode(member, stores[member.column]);
    if (value === undefined) return undefined;
    members.push(memberCode(member, value));
  }
  const present = new Set(layout.map(({ column }) => column));
  const absent = stores.flatMap((_, column) => (present.has(column) ? [] : [column]));
  const reloads = stores.flatMap((store, column) => (store instanceof TextStore ? [reload(column)] : []));
  return `'use strict';
return function fillPoints(S, u, v, starts, ends, absentOf, from, to, f) {
  ${stores.map(setupOf).join('\n  ')}
  ${absent.map((column) => `const m${column} = absentOf(${column});`).join(' ')}
  const last = u.length - ${MARGIN_BYTES};
  let at = 0, b = 0, e = 0, s = 0, x = 0, neg = false;
  for (let i = from; i < to; i += 1) {
    const end = ends[i];
    row: {
      if (end > last || !f.isText(starts[i], end)) break row;
      at = starts[i];
      ${members.join('\n')}
      if (at !== end) break row;
      ${absent.map((column) => `S${column}.skip(i); m${column}[i] = 1;`).join(' ')}
      continue;
    }
    if (f.fillRow(i)) return i + 1;
    ${reloads.join(' ')}
  }
  return to;
};`;
}

/** @returns undefined where the host forbids to compile code, or where there is nothing to gain */
export function generatePoints(layout: PointLayout, stores: readonly ColumnStore[]): FillRows | undefined {
  const source = sourceOf(layout, stores);
  if (source === undefined) return undefined;
  return compileCode(source, { ...NUMBER_SCOPE, M: ENDS_MEASUREMENT, V: ENDS_VALUE });
}
