/**
 * Tier 0: writes to the sink at full fidelity. Rows that do not conform to the schema are found before the
 * sink is called, so they say nothing about the sink and never move its circuit.
 */
import { ConfigError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import { SINK_REASONS, type SinkReason } from '../core/reason.ts';
import { asCompiledSchema, type SchemaLike } from '../schema/schema-like.ts';
import type { Sink } from '../sinks/sink.ts';
import { failureOf } from './send.ts';
import type { Tier, Work } from './tier.ts';
import { hasRows, type Prepared, prepareStrictly, SinkRequest } from './write-request.ts';

export interface PrimaryOptions {
  readonly sink: Sink;
  /** Rows must conform to it exactly. @default none: a bytes sink gets the body untouched */
  readonly schema?: SchemaLike;
}

/** @throws ConfigError when the sink wants columns and there is no schema */
export function primary(options: PrimaryOptions): Tier<SinkReason> {
  const { sink } = options;
  const schema = options.schema === undefined ? undefined : asCompiledSchema(options.schema);
  if (sink.accepts === 'columns' && schema === undefined) {
    throw new ConfigError(
      'primary.schema',
      `is missing, and ${sink.name} wants columns`,
      'Pass an Arrow schema.',
    );
  }
  const write = (work: Work, prepared: Prepared): Outcome | Promise<Outcome> =>
    hasRows(prepared.payload, work.batch) ? writePrepared(work, sink, prepared) : prepared;
  const isUntouched = sink.accepts === 'bytes' && schema === undefined;
  return {
    kind: 'primary',
    reasons: SINK_REASONS,
    lands: 'delivered',
    amplification: isUntouched ? 1 : 4,
    settlesOnAbort: sink.settlesOnAbort ?? false,
    run(work) {
      if (isUntouched) return writeBytes(work, sink);
      const prepared = prepareStrictly(work.batch, work.rows, sink, schema);
      if (prepared instanceof Promise) return prepared.then((ready) => write(work, ready));
      return write(work, prepared);
    },
  };
}

/** The hot path: one call, no promise of its own; the engine closes the call with the sink's answer. */
function writeBytes(work: Work, sink: Sink): Promise<Outcome | undefined> | Outcome {
  const refusal = work.enter();
  if (refusal) return { residue: [{ rows: work.rows, reason: refusal }] };
  return sink.write(work);
}

async function writePrepared(work: Work, sink: Sink, { payload, residue }: Prepared): Promise<Outcome> {
  const refusal = work.enter();
  if (refusal) return { residue: [...residue, { rows: payload.rows, reason: refusal }] };
  try {
    const result = await sink.write(new SinkRequest(work, payload));
    return { residue: [...residue, ...(result?.residue ?? [])] };
  } catch (error) {
    return { residue: [...residue, failureOf(error, payload.rows)] };
  }
}
