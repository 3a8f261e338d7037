/**
 * Code that makes the records of one schema: a constructor with the fields in order, and one expression per column. It is
 * several times as fast as setting names that are only known at run time.
 */

import type { Column } from '../../core/columns.ts';
import { compileCode } from '../../core/generated-code.ts';
import type { Vector } from '../../core/vectors.ts';
import { type CellRecord, isolate } from './cell-record.ts';
import { TextCursor } from './text-cursor.ts';

/** Makes the records of rows `from` to `to` at those places. */
export type MakeRecords = (records: CellRecord[], from: number, to: number) => void;

/** Makes the maker for columns of certain kinds from those columns. */
export type BindColumns = (vectors: readonly Vector[]) => MakeRecords;

interface ColumnCode {
  readonly setup: string;
  readonly cell: string;
}

function codeOf({ kind }: Vector, column: number): ColumnCode {
  const [array, valid] = [`d${column}`, `v${column}`];
  const setup = `const ${array} = V[${column}].data, ${valid} = V[${column}].validity;`;
  const orNull = (cell: string): string => `(${valid} !== undefined && ${valid}[i] === 0 ? null : ${cell})`;
  switch (kind) {
    case 'number':
    case 'wide':
      return { setup, cell: orNull(`${array}[i]`) };
    case 'bool':
      return { setup, cell: orNull(`${array}[i] === 1`) };
    case 'text':
      return { setup: `const ${array} = new TextCursor(V[${column}]);`, cell: `${array}.at(i)` };
    default:
      return { setup: `const ${array} = V[${column}];`, cell: `${array}.at(i)` };
  }
}

function sourceOf(columns: readonly Column[], vectors: readonly Vector[]): string {
  const codes = vectors.map(codeOf);
  const parameters = columns.map((_, column) => `c${column}`).join(', ');
  const members = columns.map(({ name }, column) => `this[${JSON.stringify(name)}] = c${column};`);
  return `'use strict';
class GeneratedRecord {
  constructor(${parameters}) {
    ${members.join('\n    ')}
  }
}
isolate(GeneratedRecord);
return function bindColumns(V) {
  ${codes.map(({ setup }) => setup).join('\n  ')}
  return function makeRecords(records, from, to) {
    for (let i = from; i < to; i += 1) {
      records[i] = new GeneratedRecord(
        ${codes.map(({ cell }) => cell).join(',\n        ')}
      );
    }
  };
};`;
}

/** @returns undefined where the host forbids to compile code */
export function generateRecords(
  columns: readonly Column[],
  vectors: readonly Vector[],
): BindColumns | undefined {
  return compileCode(sourceOf(columns, vectors), { isolate, TextCursor });
}
