/** The worker of a pipeline, for the commands that replay; packs what a dead writer left in its journal. */
import type { Machine } from '../assembly/backlog.ts';
import { dataDirectory } from '../assembly/data-directory.ts';
import { openReconciler, type Reconciler, type WorkerSettings } from '../assembly/reconciler.ts';
import { ConfigError, DirectoryLockedError } from '../core/errors.ts';
import { openSegmentJournal } from '../journal/segment-journal.ts';
import { createPacker } from '../stores/pack.ts';
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
  const replay = describeChain({
    chain,
    sink,
    schema,
    config: { ...config, sink, keepOriginal: false },
  }).forReplay();
  return openReconciler(
    {
      dir,
      chain,
      store: pipeline.store,
      overflow: pipeline.overflow,
      replay,
      sink,
      ...(schema ? { schema } : {}),
      worker,
    },
    machine,
  );
}

/**
 * Moves journal entries into objects, as a writer does in the background.
 * @returns false when a living writer owns the journal and does it itself
 */
export async function packLeftovers(
  pipeline: Pipeline,
  { backlog }: Reconciler,
  machine: Machine,
): Promise<boolean> {
  const { clock, random, fs, bus } = machine;
  const { emit } = bus;
  const directory = dataDirectory(pipeline.dir).journal;
  const { chain, store, announce } = backlog;
  try {
    const journal = await openSegmentJournal({ directory, chain, fs, clock, emit });
    try {
      const packer = createPacker({ journal, store, chain, clock, random, fs, directory, emit, announce });
      await packer.flush();
      await packer.close();
    } finally {
      await journal.close();
    }
    return true;
  } catch (error) {
    if (error instanceof DirectoryLockedError) return false;
    throw error;
  }
}
