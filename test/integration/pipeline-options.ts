/** The pipeline that is killed, cut off and opened again: the same options wherever it runs. */
import { join } from 'node:path';
import { type FallbackOptions, sqliteSink } from '../../src/index.ts';
import { schema } from './pipeline-records.ts';

export interface PipelinePlace {
  /** Where the sink's database is. */
  readonly directory: string;
  /** @default `data` in `directory` */
  readonly data?: string;
  readonly durability?: 'journal' | 'store';
}

export function pipelineOptions({ directory, data, durability = 'journal' }: PipelinePlace): FallbackOptions {
  return {
    dir: data ?? join(directory, 'data'),
    durability,
    sink: sqliteSink({ file: join(directory, 'sink.db'), table: 'records', busyTimeoutMs: 40 }),
    schema,
    retry: { attemptsMax: 2, firstMs: 20 },
    limits: { primary: { breaker: { pauseMs: 100, pauseMaxMs: 200 } } },
    worker: { leaseMs: 600, idleMs: 20 },
  };
}
