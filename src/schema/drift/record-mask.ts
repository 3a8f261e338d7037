/**
 * Which fields of a parsed record mismatch, as bits: the strict check without its cells. The mask is generated code, or
 * closures where code cannot be generated.
 *
 * M1 bit 0 = at least one field that the schema does not know; bit i + 1 = field i would be refused by the strict check.
 * M2 only own properties count, whatever the prototype has: a record without `constructor` has none.
 */
import { compileCode } from '../../core/generated-code.ts';
import { type Dialect, Fault } from '../reader.ts';
import type { PlannedFields } from '../schema-plan.ts';
import { type FastAccept, fastAcceptOf, isPlainDay, isPlainInstant, isPlainJson } from './fast-accept.ts';
import { ownValue } from './own-value.ts';

export type ParsedRecord = Readonly<Record<string, unknown>>;

export interface RecordMask {
  /** 32-bit words per mask: 1 for up to 31 fields. */
  readonly wordCount: number;
  /** Whether the mask is generated code. */
  readonly isGenerated: boolean;
  /**
   * Fills `words` (at least `wordCount`) with the bits.
   * @returns all words or-ed together: 0 when the record conforms, the mask itself when there is one word
   */
  test(record: ParsedRecord, words: Int32Array): number;
}

export interface MaskOptions {
  /** What the format says about types. @default 'typed' */
  readonly dialect?: Dialect;
  /** Whether code may be generated; where the host forbids it, it never is. @default true */
  readonly canGenerate?: boolean;
}

/** Beyond, the code would be too large to be compiled well. */
const GENERATED_FIELDS_MAX = 256;
const EMPTY = Object.freeze({});

/** Decides one field when the fast test did not accept. */
type Refuses = (column: number, value: unknown) => boolean;

function refusesOf({ fields }: PlannedFields, dialect: Dialect): Refuses {
  return (column, value) => {
    const field = fields[column];
    if (field === undefined) return true;
    if (value === undefined) return !field.optional;
    if (value === null) return !field.takesNull;
    return field.reader.read(value, dialect) instanceof Fault;
  };
}

type Test = RecordMask['test'];

/** Exact for every object: asks for own properties only. */
function exactTest(plan: PlannedFields, accepts: readonly FastAccept[], refuses: Refuses): Test {
  const { columnNames, names } = plan;
  const wordCount = wordCountOf(plan);
  return (record, words) => {
    words.fill(0, 0, wordCount);
    let all = 0;
    columnNames.forEach((name, column) => {
      const value = ownValue(record, name);
      if (accepts[column]?.accepts(value) || !refuses(column, value)) return;
      const bit = 1 << ((column + 1) & 31);
      const word = (column + 1) >> 5;
      words[word] = (words[word] ?? 0) | bit;
      all |= bit;
    });
    for (const name of Object.keys(record)) {
      if (names.exact(name) !== undefined) continue;
      words[0] = (words[0] ?? 0) | 1;
      return all | 1;
    }
    return all;
  };
}

/** For hosts that forbid code generation: records with all fields in the order of the schema; others are asked exactly. */
function orderedTest(plan: PlannedFields, accepts: readonly FastAccept[], refuses: Refuses, exact: Test): Test {
  const { columnNames } = plan;
  const wordCount = wordCountOf(plan);
  const tests = accepts.map((accept) => accept.accepts);
  return (record, words) => {
    const prototype: unknown = Object.getPrototypeOf(record);
    if ((prototype !== null && prototype !== Object.prototype) || hasMembers(EMPTY))
      return exact(record, words);
    words.fill(0, 0, wordCount);
    let all = 0;
    let column = 0;
    for (const name in record) {
      const value = record[name];
      if (name !== columnNames[column] || value === undefined) return exact(record, words);
      column += 1;
      if (tests[column - 1]?.(value) || !refuses(column - 1, value)) continue;
      const bit = 1 << (column & 31);
      words[column >> 5] = (words[column >> 5] ?? 0) | bit;
      all |= bit;
    }
    return column === columnNames.length ? all : exact(record, words);
  };
}

/** Whether `for in` finds something, be it inherited. */
function hasMembers(object: object): boolean {
  for (const _name in object) return true;
  return false;
}

function wordCountOf({ fields }: PlannedFields): number {
  return (fields.length >> 5) + 1;
}

/** An own property as an expression. Names that every object inherits need the question whether they are its own. */
function readCode(name: string): string {
  const key = JSON.stringify(name);
  return name in EMPTY ? `hasOwn(r, ${key}) ? r[${key}] : undefined` : `r[${key}]`;
}

function fieldCode(plan: PlannedFields, column: number, accept: FastAccept): string {
  const { optional, takesNull } = plan.fields[column] ?? { optional: false, takesNull: false };
  const place = column + 1;
  const fail = `m${place >> 5} |= ${1 << (place & 31)};`;
  const onNull = takesNull ? '' : fail;
  return `v = ${readCode(plan.columnNames[column] ?? '')};
if (v === undefined) { ${optional ? '' : fail} }
else { n++; if (!(${accept.code})) { if (v === null) { ${onNull} } else if (refuses(${column}, v)) { ${fail} } } }`;
}

const isOwnEnumerable = Object.prototype.propertyIsEnumerable;

/** Fields that the record has as own enumerable properties. */
export function countKnown(record: ParsedRecord, { columnNames }: PlannedFields): number {
  let known = 0;
  for (const name of columnNames) if (isOwnEnumerable.call(record, name)) known += 1;
  return known;
}

function sourceOf(plan: PlannedFields, accepts: readonly FastAccept[]): string {
  const words = Array.from({ length: wordCountOf(plan) }, (_, word) => `m${word}`);
  // A name that all objects inherit would be found in every record, so what that gives is not trusted.
  return `"use strict"; return (r, words) => {
const p = getPrototypeOf(r);
if (p !== null && p !== objectPrototype) return exact(r, words);
for (const k in EMPTY) return exact(r, words);
let n = 0, k = 0, v; let ${words.map((word) => `${word} = 0`).join(', ')};
${accepts.map((accept, column) => fieldCode(plan, column, accept)).join('\n')}
for (const name in r) if (++k > ${plan.fields.length}) break;
if (k !== n) { if (knownNames(r) !== n) return exact(r, words); m0 |= 1; }
${words.map((word, index) => `words[${index}] = ${word};`).join(' ')}
return ${words.join(' | ')};
};`;
}

/** @returns undefined where code generation is forbidden */
function generate(
  plan: PlannedFields,
  accepts: readonly FastAccept[],
  refuses: Refuses,
  exact: Test,
): Test | undefined {
  const scope = {
    exact,
    refuses,
    knownNames: (record: ParsedRecord) => countKnown(record, plan),
    isPlainDay,
    isPlainInstant,
    isPlainJson,
    EMPTY,
    hasOwn: Object.hasOwn,
    getPrototypeOf: Object.getPrototypeOf,
    objectPrototype: Object.prototype,
  };
  return compileCode(sourceOf(plan, accepts), scope);
}

/** Compiled once per schema and dialect; pure, and may be shared. */
export function compileMask(plan: PlannedFields, options: MaskOptions = {}): RecordMask {
  const { dialect = 'typed', canGenerate = true } = options;
  const accepts = plan.declared.map(fastAcceptOf);
  const refuses = refusesOf(plan, dialect);
  const exact = exactTest(plan, accepts, refuses);
  const isSmall = plan.fields.length <= GENERATED_FIELDS_MAX;
  const generated = canGenerate && isSmall ? generate(plan, accepts, refuses, exact) : undefined;
  return {
    wordCount: wordCountOf(plan),
    isGenerated: generated !== undefined,
    test: generated ?? orderedTest(plan, accepts, refuses, exact),
  };
}
