/** An engine over any chain, on the machine's clock unless told otherwise. */
import { type Engine, type EngineOptions, openEngine } from '../chain/engine.ts';
import { framer } from '../codecs/codecs.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import { createMetrics } from '../telemetry/metrics.ts';

export type CreateEngineOptions = Pick<EngineOptions, 'chain'> &
  Partial<Omit<EngineOptions, 'chain' | 'framer'>>;

/**
 * Opens the tiers of a chain and runs it.
 * @throws what a tier's `open` throws; the tiers opened before it are closed again
 */
export function createEngine(options: CreateEngineOptions): Promise<Engine> {
  const { chain, clock = systemClock, random = systemRandom } = options;
  const metrics = options.metrics ?? createMetrics(chain.name);
  return openEngine({ ...options, framer, clock, random, metrics });
}
