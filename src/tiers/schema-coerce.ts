/**
 * Tier 2, structural degradation: drifted rows land under strict coercion, every change written down.
 *
 * Q1 a changed cell is in the loss report, or its row did not land. Q2 the originals of changed rows are
 * durable before the batch is acknowledged, so that they can be healed in place later. Q3 nothing is sent of a batch whose
 * coerced rows and loss report do not account for each other: all of it goes on untouched.
 */
import { ConfigError } from '../core/errors.ts';
import type { Outcome, Residue } from '../core/outcome.ts';
import type { SinkReason } from '../core/reason.ts';
import { rowIndices } from '../core/row-set.ts';
import { coercionValidator, type ValidatedRows } from '../diff/validate-coercion.ts';
import type { Journal } from '../journal/journal.ts';
import type { Coerced, CompiledSchema } from '../schema/compile-schema.ts';
import { type DegradedUnder, degradedUnder } from '../schema/loss/degraded-under.ts';
import { asCompiledSchema, type SchemaLike } from '../schema/schema-like.ts';
import type { Sink } from '../sinks/sink.ts';
import { rawEntry } from './raw-entries.ts';
import { send } from './send.ts';
import type { Tier, Work } from './tier.ts';
import { coercedPayload } from './write-request.ts';

export interface SchemaCoerceOptions {
  readonly sink: Sink;
  readonly schema: SchemaLike;
  /** Where the original bytes of changed rows are kept; `false` gives up healing them. */
  readonly keepOriginal: Pick<Journal, 'append'> | false;
  /**
   * Which coerced rows are decoded a second time and compared with what is about to be sent, cell by cell: `'all'`,
   * `'changed'` (rows that conform are believed), or `false`. Every difference has to be in the loss report, and nothing
   * else may be; otherwise the batch goes on untouched as `beyond-tolerance`. A row costs two to three times its parsing.
   * @default 'all'
   */
  readonly validate?: ValidatedRows | false;
}

const REASONS = [
  'unavailable',
  'throttled',
  'too-large',
  'ambiguous',
  'beyond-tolerance',
  'refused',
  'unauthorised',
  'missing-target',
  'undecodable',
] as const satisfies readonly SinkReason[];

/** @throws ConfigError when the sink takes only bytes, which cannot be coerced */
export function schemaCoerce(options: SchemaCoerceOptions): Tier<(typeof REASONS)[number]> {
  const { sink, keepOriginal, validate = 'all' } = options;
  const schema = asCompiledSchema(options.schema);
  const under = keepOriginal === false ? undefined : degradedUnder(schema);
  const validator = validate === false ? undefined : coercionValidator(schema.schema);
  if (sink.accepts === 'bytes') {
    throw new ConfigError(
      'schemaCoerce.sink',
      `${sink.name} takes bytes only`,
      'Use a sink that accepts columns or records.',
    );
  }
  return {
    kind: 'schema-coerce',
    reasons: REASONS,
    lands: 'delivered',
    amplification: 6,
    async run(work): Promise<Outcome> {
      const coerced = await schema.coerce(work.batch, work.rows);
      if (coerced.columns.rows.length === 0) return { residue: coerced.residue };
      if (validator && validate) {
        const fault = await validator.findFault(work.batch, coerced, validate);
        if (fault !== undefined) return { residue: [unaccounted(work, fault)] };
      }
      const failed = await send(work, sink, await coercedPayload(coerced.columns, sink, schema));
      return keep({ work, schema, under, journal: keepOriginal }, coerced, failed);
    },
  };
}

function unaccounted({ rows }: Work, fault: string): Residue {
  return { rows, reason: 'beyond-tolerance', detail: `the coercion does not account for itself: ${fault}` };
}

interface Keeping {
  readonly work: Work;
  readonly schema: CompiledSchema;
  readonly under: DegradedUnder | undefined;
  readonly journal: SchemaCoerceOptions['keepOriginal'];
}

/** Which rows landed changed, once their originals are safe. */
async function keep(
  { work, schema, under, journal }: Keeping,
  { degradedRows, loss, residue }: Coerced,
  failed: readonly Residue[],
): Promise<Outcome> {
  const { batch } = work;
  const gone = rowsOf(failed, batch);
  const rows = degradedRows.filter((row) => !gone.has(row));
  // They may have landed all the same: replay would then find them held, and nobody would know that they are degraded.
  const unknown = rowsOf(
    failed.filter(({ reason }) => reason === 'ambiguous'),
    batch,
  );
  const kept = degradedRows.filter((row) => !gone.has(row) || unknown.has(row));
  const left = [...residue, ...failed];
  if (kept.length === 0) return { residue: left };
  if (journal) {
    try {
      const origin = {
        batch,
        rows: kept,
        purpose: 'heal',
        reason: 'degraded',
        trail: work.trail,
        schema: under,
      } as const;
      await journal.append(rawEntry(origin));
    } catch (error) {
      // Landed, but not healable: the next tier keeps the bytes, and the keys make the replay harmless.
      const detail = `originals not kept: ${error instanceof Error ? error.message : String(error)}`;
      if (rows.length === 0) return { residue: left };
      return { residue: [...left, { rows, reason: 'unavailable', detail }] };
    }
  }
  if (rows.length === 0) return { residue: left };
  // The report counts what landed: without the rows that the sink refused, it is made again.
  const landed = rows.length === degradedRows.length ? loss : (await schema.coerce(batch, rows)).loss;
  return { residue: left, degraded: { rows, loss: landed } };
}

function rowsOf(residue: readonly Residue[], { rowCount }: Work['batch']): ReadonlySet<number> {
  return new Set(residue.flatMap(({ rows }) => rowIndices(rows, rowCount)));
}
