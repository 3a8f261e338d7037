/**
 * Compares what lies in the store with what waits in the queue: every open object has its job, every job and every
 * settlement has its object. Looks only, and may run beside writers and workers.
 */
import type { Clock } from '../core/clock.ts';
import type { Store } from '../stores/store.ts';
import { chainPrefix, isObjectKey, jobId } from './job.ts';
import type { Queue } from './queue.ts';
import { readExpired } from './retention.ts';
import { isSettled, settledRef } from './settlement.ts';

export interface VerifyJobsOptions {
  readonly store: Pick<Store, 'list' | 'get'>;
  readonly queue: Pick<Queue, 'knows' | 'refs'>;
  readonly chain: string;
  readonly clock: Clock;
}

export interface JobFault {
  readonly ref: string;
  readonly fault: string;
}

/** How long an object may be between its put and its announcement, or between its settlement and its job's end. */
const GRACE_MS = 500;

/** @throws StorageError when store or queue cannot be read */
export async function verifyJobs(options: VerifyJobsOptions): Promise<readonly JobFault[]> {
  const first = await findFaults(options);
  if (first.length === 0) return first;
  await new Promise<void>((resolve) => options.clock.schedule(GRACE_MS, resolve, { keepAlive: true }));
  const known = new Set(first.map(nameOf));
  return (await findFaults(options)).filter((fault) => known.has(nameOf(fault)));
}

function nameOf({ ref, fault }: JobFault): string {
  return `${ref} ${fault}`;
}

async function findFaults(options: VerifyJobsOptions): Promise<readonly JobFault[]> {
  const { store, queue, chain } = options;
  const jobs = new Set(await queue.refs?.());
  const objects = new Set<string>();
  const settled = new Set<string>();
  const expired = await readExpired(store, chain);
  for await (const { key } of store.list(chainPrefix(chain))) {
    const ref = settledRef(key);
    if (ref !== undefined) settled.add(ref);
    else if (isObjectKey(key)) objects.add(key);
  }
  const open = await findOpen(objects, settled, store);
  const queued = await queue.knows?.(open.map(jobId));
  const gone = (fault: string) => (ref: string) => ({ ref, fault });
  return [
    ...[...settled]
      .filter((ref) => !objects.has(ref) && !expired.refs.has(ref))
      .map(gone('is not in the store, its settlement is')),
    ...[...jobs].filter((ref) => !objects.has(ref)).map(gone('is not in the store, its job is in the queue')),
    ...open
      .filter((ref) => queued !== undefined && !queued.has(jobId(ref)))
      .map(gone('has neither settlement nor job: run "tierfall reconcile"')),
  ];
}

async function findOpen(
  objects: ReadonlySet<string>,
  settled: ReadonlySet<string>,
  store: Pick<Store, 'get'>,
): Promise<readonly string[]> {
  const open: string[] = [];
  for (const ref of objects) if (!settled.has(ref) || !(await isSettled(store, ref))) open.push(ref);
  return open;
}
