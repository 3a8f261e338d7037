/** Collects, when all is over, what the proof needs: the sources, the sink, the quarantine and the store. */
import { readFile } from 'node:fs/promises';
import { openBacklog } from '../../assembly/backlog.ts';
import type { CliContext } from '../context.ts';
import { openMachine } from '../machine.ts';
import { expectedColumns } from './expectation.ts';
import type { ChainPlan, PlannedFeed } from './plan.ts';
import { type ChainProof, type ProofFeed, proveChain } from './proof.ts';
import type { Script } from './script.ts';
import { readRecords } from './source-records.ts';
import type { Tally } from './tally.ts';
import { readWarehouse } from './warehouse.ts';

/** Proves every chain. @throws StorageError when a store cannot be read */
export async function proveAll(
  script: Script,
  warehouse: string,
  tally: Tally,
  context: CliContext,
): Promise<readonly ChainProof[]> {
  const proofs: ChainProof[] = [];
  for (const chain of script.chains) proofs.push(await proveOne(chain, script, warehouse, tally, context));
  return proofs;
}

async function proveOne(
  { name, dir, table, schema }: ChainPlan,
  script: Script,
  warehouse: string,
  tally: Tally,
  context: CliContext,
): Promise<ChainProof> {
  const backlog = await openBacklog({ dir, chain: name }, openMachine(context, name, 'error'));
  try {
    const own = script.feeds.filter(({ chain }) => chain === name);
    return proveChain({
      chain: name,
      columns: expectedColumns(schema),
      feeds: await Promise.all(own.map((feed) => readFeed(feed, tally))),
      rows: readWarehouse(warehouse, table),
      aside: await backlog.quarantine.list({ limit: Number.MAX_SAFE_INTEGER }),
      receipts: tally.counts(({ chain }) => chain === name),
      report: await backlog.report(),
    });
  } finally {
    await backlog.close();
  }
}

async function readFeed(feed: PlannedFeed, tally: Tally): Promise<ProofFeed> {
  const records = readRecords(await readFile(feed.file, 'utf8'), feed.format).slice(0, feed.records);
  const firsts = new Map(feed.batches.map(({ endOffset, first }) => [endOffset, first]));
  const batches = tally.receipts
    .filter((receipt) => receipt.feed === feed.id)
    .map(({ batchKey, endOffset, records: rows }) => ({
      key: batchKey,
      first: firsts.get(endOffset) ?? 0,
      rows,
    }));
  return { label: feed.label, format: feed.format, records, batches };
}
