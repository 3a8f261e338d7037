/** How much may mismatch before a batch is beyond coercion: of all cells, and of the cells of single fields. */
import { ConfigError, SchemaError } from '../../core/errors.ts';
import type { Field } from '../arrow.ts';
import { type FieldDrift, partOf } from './drift-report.ts';
import { percent } from './drift-words.ts';

export interface Tolerances {
  /** Part of all cells that may mismatch, 0 to 1. */
  readonly chain: number;
  /** By field of the schema: part of its own cells that may mismatch, 0 to 1. They count for `chain` as well. */
  readonly fields?: ReadonlyMap<string, number>;
}

export type DriftVerdict = 'conforms' | 'schema-mismatch' | 'beyond-tolerance';

export interface DriftJudgement {
  readonly verdict: DriftVerdict;
  /** The field beyond its own tolerance, the worst of several; undefined when it was all cells together. */
  readonly field?: string;
  /** For people, such as `temp: 40.0 % of its cells mismatched, 10 % are tolerated`; empty when nothing is beyond. */
  readonly words: string;
}

/** What is judged: a `DriftBook` or a `DriftReport`. */
export interface Judged {
  readonly mismatched: number;
  readonly divergence: number;
  readonly fields: readonly FieldDrift[];
}

const CONFORMS: DriftJudgement = Object.freeze({ verdict: 'conforms', words: '' });
const WITHIN: DriftJudgement = Object.freeze({ verdict: 'schema-mismatch', words: '' });
const UNIT_NUMBER = /^(?:0(?:\.\d+)?|1(?:\.0+)?|\d(?:\.\d+)?e-\d{1,3})$/i;

/**
 * The metadata `tolerance` of a field: part of its cells that may mismatch, 0 to 1. Undefined when not declared.
 * @throws SchemaError SCHEMA_METADATA naming the field and the key
 */
export function readTolerance(field: Field): number | undefined {
  const text = field.metadata.get('tolerance');
  if (text === undefined) return undefined;
  const tolerance = UNIT_NUMBER.test(text) ? Number(text) : Number.NaN;
  if (tolerance >= 0 && tolerance <= 1) return tolerance;
  throw new SchemaError(
    'SCHEMA_METADATA',
    `field ${JSON.stringify(field.name)}: tolerance is ${JSON.stringify(text)}, expected a number from 0 to 1`,
    { hint: 'Correct the metadata tolerance of that field: it is the part of its cells that may mismatch.' },
  );
}

/**
 * The tolerances of a schema: `chain` for all cells, and what its fields declare.
 * @throws SchemaError SCHEMA_METADATA naming the field and the key
 * @throws ConfigError when `chain` is not between 0 and 1
 */
export function tolerancesOf(fields: readonly Field[], chain: number): Tolerances {
  if (!(chain >= 0 && chain <= 1)) {
    throw new ConfigError(
      'tolerance',
      `found ${chain}, expected a number from 0 to 1`,
      'It is the part of all cells.',
    );
  }
  const declared = new Map<string, number>();
  for (const field of fields) {
    const tolerance = readTolerance(field);
    if (tolerance !== undefined) declared.set(field.name, tolerance);
  }
  return { chain, fields: declared };
}

interface Excess {
  readonly field: FieldDrift;
  readonly part: number;
  readonly tolerance: number;
}

function worstField(
  fields: readonly FieldDrift[],
  tolerances: ReadonlyMap<string, number>,
): Excess | undefined {
  let worst: Excess | undefined;
  for (const field of fields) {
    const tolerance = tolerances.get(field.field);
    if (tolerance === undefined) continue;
    const part = partOf(field.mismatched, field.cells);
    if (part > tolerance && (!worst || part - tolerance > worst.part - worst.tolerance)) {
      worst = { field, part, tolerance };
    }
  }
  return worst;
}

/** Exactly as much as is tolerated is within tolerance. Pure; the same for a book and its report. */
export function judgeDrift(drift: Judged, { chain, fields }: Tolerances): DriftJudgement {
  if (drift.mismatched === 0) return CONFORMS;
  const worst = fields === undefined || fields.size === 0 ? undefined : worstField(drift.fields, fields);
  if (worst) {
    const { field, part, tolerance } = worst;
    return {
      verdict: 'beyond-tolerance',
      field: field.field,
      words: `${field.field}: ${percent(part)} of its cells mismatched, ${percent(tolerance)} are tolerated`,
    };
  }
  if (!(drift.divergence > chain)) return WITHIN;
  return {
    verdict: 'beyond-tolerance',
    words: `${percent(drift.divergence)} of all cells mismatched, ${percent(chain)} are tolerated`,
  };
}
