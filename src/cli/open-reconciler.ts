/** The worker of a pipeline, for the commands that replay; packs what a dead writer left in its journal. */
import type { Machine } from '../assembly/backlog.ts';
import { dataDirectory } from '../assembly/data-directory.ts';
import { objectSettings } from '../assembly/object-settings.ts';
import * as leftovers from '../assembly/pack-leftovers.ts';
import {
  openReconciler,
  type Reconciler,
  type ReconcilerOptions,
  type WorkerSettings,
} from '../assembly/reconciler.ts';
import { ConfigError } from '../core/errors.ts';
import { describeChain } from './describe.ts';
import { type Pipeline, requireSink } from './pipeline.ts';

/** @throws ConfigError without a sink; StorageError */
export async function openPipelineReconciler(
  pipeline: Pipeline,
  machine: Machine,
  worker: WorkerSettings = {},
): Promise<Reconciler> {
  const { dir, chain, schema, config } = pipeline;
  const sink = requireSink(pipeline);
  if (!schema && sink.accepts === 'columns') {
    throw new ConfigError(
      '--schema',
      `is missing, and ${dir} does not remember one`,
      'Name the JSON Schema of the records, or point --dir at a directory that was written to.',
    );
  }
  const replay: ReconcilerOptions['replay'] = (originals) =>
    describeChain({ chain, sink, schema, config, journal: originals }).forReplay();
  const { store, overflow, queue } = pipeline;
  const settings = await objectSettings(pipeline.objects);
  return openReconciler(
    {
      dir,
      chain,
      store,
      overflow,
      queue,
      replay,
      sink,
      ...(schema ? { schema } : {}),
      registry: config?.registry,
      worker,
      ...settings,
    },
    machine,
  );
}

/**
 * Moves journal entries into objects, as a writer does in the background.
 * @returns false when a living writer owns the journal and does it itself
 */
export async function packLeftovers(
  { dir, objects }: Pipeline,
  { backlog }: Reconciler,
  machine: Machine,
): Promise<boolean> {
  const settings = await objectSettings(objects);
  return leftovers.packLeftovers(dataDirectory(dir).journal, backlog, machine, settings);
}
