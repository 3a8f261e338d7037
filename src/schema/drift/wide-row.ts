/**
 * A long row of a batch as a record of no more names than are looked at, made in turns: an object with all of its names
 * would be made in one go, which takes tens of milliseconds for 100,000 of them.
 */
import { tokenizerOf } from '../../codecs/codecs.ts';
import { Tokens } from '../../codecs/tokens.ts';
import type { Batch } from '../../core/batch.ts';
import { type FieldNames, RECORD_NAMES_MAX } from '../field-names.ts';
import type { ParsedRecord } from './record-mask.ts';

/** Below, a row cannot have so many names that it matters. */
export const WIDE_BYTES = 65_536;
const TOKENS_PER_TURN = 2_000;

export interface WideRow {
  readonly record: ParsedRecord;
  /** Further names that are no field, each counted once. */
  readonly others: number;
}

/** @returns undefined when the row is not the format */
export async function readWideRow(
  batch: Batch,
  row: number,
  names: FieldNames,
  takeTurn: () => Promise<void>,
): Promise<WideRow | undefined> {
  const { starts = [], ends = [] } = batch.frame.spans ?? {};
  const tokenizer = tokenizerOf(batch);
  const tokens = new Tokens();
  if (!tokenizer.tokenize(starts[row] ?? 0, ends[row] ?? 0, tokens)) return undefined;
  const record: Record<string, unknown> = Object.create(null);
  const unknown = new Set<string>();
  for (let token = 0; token < tokens.count; token += 1) {
    if (token % TOKENS_PER_TURN === 0) await takeTurn();
    const name = tokenizer.name(tokens, token);
    if (names.exact(name) === undefined) {
      if (unknown.size >= RECORD_NAMES_MAX && !Object.hasOwn(record, name)) {
        unknown.add(name);
        continue;
      }
      unknown.add(name);
    }
    record[name] = tokenizer.value(tokens, token);
  }
  return { record, others: Math.max(0, unknown.size - RECORD_NAMES_MAX) };
}
