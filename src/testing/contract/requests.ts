/** The requests that the suite of sinks makes. */
import type { Cell, Column } from '../../core/columns.ts';
import type { UpgradeRequest, WriteRequest } from '../../sinks/sink.ts';
import { type WriteRequestParts, writeRequest } from '../write-request.ts';

const TITLE: Column = { name: 'title', type: 'text', nullable: true, key: false };
const AMOUNT: Column = { name: 'amount', type: 'bigint', nullable: true, key: false };
const SCORE: Column = { name: 'score', type: 'float', nullable: true, key: false };
export const COLUMNS = [TITLE, AMOUNT, SCORE] as const;

export function keysOf(count: number, prefix = 'k'): string[] {
  return Array.from({ length: count }, (_, row) => `${prefix}-${row}`);
}

export function titled(count: number, title: string): Cell[][] {
  return Array.from({ length: count }, (_, row) => [`${title} ${row}`, BigInt(row), row / 4]);
}

export function numbered(count: number, extra: Partial<WriteRequestParts> = {}): WriteRequest {
  return writeRequest({ columns: COLUMNS, cells: titled(count, 'title'), keys: keysOf(count), ...extra });
}

const SITE: Column = { name: 'site', type: 'text', nullable: true, key: false };

/** The rows of `numbered` with one more column. */
export function fuller(count: number, site = 'site'): WriteRequest {
  const cells = titled(count, 'title').map((row, at) => [...row, `${site} ${at}`]);
  return writeRequest({ columns: [...COLUMNS, SITE], cells, keys: keysOf(count) });
}

export function upgradeOf(degraded: WriteRequest, full: WriteRequest): UpgradeRequest {
  const { columns, records } = degraded;
  return { ...full, mode: 'upgrade', degraded: { columns, records } };
}

export function awkward(): WriteRequest {
  const names = [
    '__proto__',
    'constructor',
    'say "hi"',
    "it's",
    'naïve 漢字 🎬',
    'select',
    'a.b-c d',
    '; DROP TABLE x; --',
    '$1',
    '?',
  ];
  const texts = [
    '',
    ' ',
    '\0',
    'a\0b',
    '"',
    "'",
    "'; --",
    '\\',
    '\r\n\t',
    '漢字 🎬',
    '\ufeffBOM',
    'null',
    '007',
    'x'.repeat(70_000),
  ];
  const extremes = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 0n];
  const columns = [...names.map((name) => ({ ...TITLE, name })), AMOUNT, SCORE];
  const cells = texts.map((text, row) => [
    ...names.map((name, at) => (at % 2 === 0 ? text : at % 3 === 0 ? null : name)),
    extremes[row % extremes.length] ?? null,
    [0.1, 1e308, 5e-324, null][row % 4] ?? null,
  ]);
  return writeRequest({ columns, cells, keys: texts.map((text, row) => `${text.slice(0, 20)}#${row}`) });
}
