/** One guarded write whose failure is data: the building block of every tier that writes more than once. */
import { SinkError } from '../core/errors.ts';
import type { Residue } from '../core/outcome.ts';
import type { Sink } from '../sinks/sink.ts';
import type { Work } from './tier.ts';
import { type Prepared, SinkRequest } from './write-request.ts';

type Payload = Prepared['payload'];

/** Rows of `payload` that did not land; empty when all did. Never throws for what a sink does. */
export async function send(work: Work, sink: Sink, payload: Payload): Promise<readonly Residue[]> {
  try {
    const result = await work.call((signal) => sink.write(new SinkRequest(work, payload, signal)));
    return result?.residue ?? [];
  } catch (error) {
    return [failureOf(error, payload.rows)];
  }
}

/** A thrown failure as the residue of all rows that were sent. */
export function failureOf(error: unknown, rows: Residue['rows']): Residue {
  const detail = error instanceof Error ? error.message : String(error);
  if (!(error instanceof SinkError)) return { rows, reason: 'crashed', detail, whole: true };
  const { reason, retryAfterMs } = error;
  return { rows, reason, detail, whole: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
