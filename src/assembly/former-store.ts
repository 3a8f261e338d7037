/**
 * Whether anything is left to do for the store that a data directory had before. A queue forgets, and one in Redis has a
 * place for each store, so the former one is looked at itself where that is possible: a directory. Of others there is a
 * name alone, so their queue is asked, and is believed only when it has forgotten nothing.
 */
import { isAbsolute } from 'node:path';
import type { FileSystem } from '../core/file-system.ts';
import { tellUnannounced } from '../reconcile/announcer.ts';
import { embeddedQueue } from '../reconcile/embedded-queue.ts';
import type { Queue } from '../reconcile/queue.ts';
import { listObjects } from '../reconcile/sweep.ts';
import { fsStore } from '../stores/fs-store.ts';
import type { Store } from '../stores/store.ts';
import type { DataDirectory } from './data-directory.ts';
import { openQueue, type QueueLike, type QueuePorts } from './open-queue.ts';
import type { FormerStore } from './open-store.ts';

export interface FormerStorePorts extends Omit<QueuePorts, 'store'> {
  readonly fs: FileSystem;
  readonly paths: Pick<DataDirectory, 'root' | 'objects'>;
}

/** @throws StorageError when its queue has to be asked and cannot be */
export async function isIdle(
  { whole, first }: FormerStore,
  queueLike: QueueLike | undefined,
  { fs, paths, ...ports }: FormerStorePorts,
): Promise<boolean> {
  if (!(await isEmpty(embeddedQueue(ports)))) return false;
  const directory = first === null ? paths.objects : directoryOf(first);
  if (directory !== undefined) {
    if (await hasOpenObjects(fsStore({ directory, fs }), ports.chain)) return false;
    if (whole === first) return true;
  }
  if (queueLike === undefined) return true;
  const isTheirs = typeof queueLike === 'object' && 'announce' in queueLike;
  const queue = openQueue(queueLike, { ...ports, store: first ?? paths.objects });
  try {
    await tellUnannounced({ queue, fs, directory: paths.root });
    return (await isEmpty(queue)) && ((await queue.isWhole?.()) ?? true);
  } finally {
    if (!isTheirs) await queue.close();
  }
}

async function isEmpty(queue: Pick<Queue, 'depth'>): Promise<boolean> {
  const { waiting, active, postponed } = await queue.depth();
  return waiting + active + postponed === 0;
}

function directoryOf(label: string): string | undefined {
  const [, directory] = /^fs:(.+)$/.exec(label) ?? [];
  return directory !== undefined && isAbsolute(directory) ? directory : undefined;
}

async function hasOpenObjects(store: Pick<Store, 'list'>, chain: string): Promise<boolean> {
  for await (const { settlement } of listObjects(store, chain)) if (!settlement) return true;
  return false;
}
