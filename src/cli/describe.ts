/** The chain of a pipeline as a description: nothing is opened, nothing can be submitted. */
import { defaultChain } from '../assembly/default-chain.ts';
import type { Chain } from '../chain/chain.ts';
import type { Journal } from '../journal/journal.ts';
import { Field, Schema, Utf8 } from '../schema/arrow.ts';
import type { CompiledSchema } from '../schema/compile-schema.ts';
import { compileSchema } from '../schema/compile-schema.ts';
import { memorySink } from '../sinks/memory-sink.ts';
import type { Sink } from '../sinks/sink.ts';
import type { TierfallConfig } from './config.ts';
import { type PipelineArguments, resolvePipeline } from './pipeline.ts';

const NO_JOURNAL = {
  append: (): Promise<number> => Promise.reject(new Error('a description cannot store')),
};

/** The chain that `run` and `worker` use. @throws ConfigError, SchemaError */
export async function openDescription(args: PipelineArguments, cwd: string): Promise<Chain> {
  const { chain, sink, schema, config } = await resolvePipeline(args, cwd);
  const drawn = sink ?? memorySink({ accepts: 'columns' });
  return describeChain({ chain, sink: drawn, schema: schema ?? placeholderFor(drawn), config });
}

export interface ChainSource {
  readonly chain: string;
  readonly sink: Sink;
  readonly schema: CompiledSchema | undefined;
  readonly config: TierfallConfig | undefined;
  /** @default one that stores nothing */
  readonly journal?: Pick<Journal, 'append'>;
}

export function describeChain({ chain, sink, schema, config, journal = NO_JOURNAL }: ChainSource): Chain {
  return defaultChain({ ...config, name: chain, sink, ...(schema ? { schema } : {}), journal });
}

/** The graph is the same for every schema, so a sink that wants columns is drawn with any. */
function placeholderFor(sink: Sink): CompiledSchema | undefined {
  return sink.accepts === 'columns'
    ? compileSchema(new Schema([new Field('field', new Utf8(), true)]))
    : undefined;
}
