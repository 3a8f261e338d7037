/** Ways to have batches in S3. Each takes one batch and resolves when it is durable. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { openBacklog } from '../../src/assembly/backlog.ts';
import { s3Store } from '../../src/assembly/s3-store.ts';
import { EventBus } from '../../src/core/events.ts';
import { sha256 } from '../../src/core/keys.ts';
import { createFallback, memorySink } from '../../src/index.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';
import { storeJournal } from '../../src/stores/store-journal.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';

export interface Running {
  /** Resolves when the batch is durable. `orderingKey` of who submits; only some subjects look at it. */
  put(body: Uint8Array, orderingKey: string): Promise<unknown>;
  close(): Promise<void>;
}

const SOCKETS = 512;
const OPTIONS = {
  bucket: 'bench',
  region: 'us-east-1',
  credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
};

/** No signature, no checksum, no SDK: what the latency of the server is to whoever asks it. */
async function barePut(endpoint: string): Promise<Running> {
  const agent = new Agent({ keepAlive: true });
  return {
    put: async (body) => {
      const asked = request(`${endpoint}/bench/bare`, { method: 'PUT', agent });
      asked.end(body);
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      await once(answer.resume(), 'end');
    },
    close: async () => agent.destroy(),
  };
}

/** What a pipeline without Tierfall does. */
async function putPerBatchBySdk(endpoint: string): Promise<Running> {
  const { bucket, ...options } = OPTIONS;
  const client = new S3Client({
    ...options,
    endpoint,
    forcePathStyle: true,
    requestHandler: { httpAgent: { maxSockets: SOCKETS } },
  });
  let keys = 0;
  return {
    put: async (body) => {
      keys += 1;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: `sdk/${keys}`, Body: body }));
    },
    close: async () => client.destroy(),
  };
}

/** One object per batch through our store. */
async function putPerBatchByStore(endpoint: string): Promise<Running> {
  const store = s3Store({ ...OPTIONS, endpoint, socketsMax: SOCKETS });
  let keys = 0;
  return {
    put: (body) => {
      keys += 1;
      return store.put(`store/${keys}`, [body]);
    },
    close: async () => store.close?.(),
  };
}

async function openDirectory(): Promise<{ readonly dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'tierfall-bench-'));
  return { dir, remove: () => rm(dir, { recursive: true }) };
}

/** `storeJournal` as `durability: 'store'` has it: over the store, and announcing to the queue on disk. */
async function openJournal(endpoint: string, isKeyed: boolean): Promise<Running> {
  const { dir, remove } = await openDirectory();
  const chain = 'bench';
  const bus = new EventBus();
  const machine = {
    clock: systemClock,
    random: systemRandom,
    fs: nodeFileSystem,
    metrics: createMetrics(chain),
    bus,
  };
  const backlog = await openBacklog(
    { dir, chain, store: s3Store({ ...OPTIONS, endpoint }), areAnnouncementsHints: true },
    machine,
  );
  const { store, announce } = backlog;
  const journal = storeJournal({ store, chain, clock: systemClock, emit: bus.emit, announce });
  let entries = 0;
  return {
    put: (body, orderingKey) => {
      entries += 1;
      return journal.append({
        purpose: 'replay',
        key: entries.toString(16).padStart(32, '0'),
        orderingKey: isKeyed ? orderingKey : undefined,
        priority: 'normal',
        format: 'ndjson',
        attributes: {},
        receivedAtMs: Date.now(),
        reason: 'unavailable',
        trail: '[]',
        rowCount: 1,
        rows: undefined,
        sha256: sha256(body),
        body,
      });
    },
    close: async () => {
      await journal.close();
      await backlog.close();
      await remove();
    },
  };
}

/** A whole chain whose sink is away: its key, its digest, its receipt. */
async function openChain(endpoint: string, isKeyed: boolean): Promise<Running> {
  const { dir, remove } = await openDirectory();
  const sink = flakySink(memorySink());
  sink.down('unavailable');
  const fallback = await createFallback({
    dir,
    sink,
    store: s3Store({ ...OPTIONS, endpoint }),
    durability: 'store',
    worker: false,
    retry: { attemptsMax: 1, firstMs: 1 },
  });
  let batches = 0;
  return {
    put: (body, orderingKey) => {
      batches += 1;
      const id = `batch-${batches}`;
      return fallback.submit({ id, format: 'ndjson', body, ...(isKeyed ? { orderingKey } : {}) });
    },
    close: async () => {
      await fallback.close();
      await remove();
    },
  };
}

export const SUBJECTS = {
  bare: barePut,
  sdk: putPerBatchBySdk,
  store: putPerBatchByStore,
  journal: (endpoint: string) => openJournal(endpoint, false),
  'journal, keyed': (endpoint: string) => openJournal(endpoint, true),
  submit: (endpoint: string) => openChain(endpoint, false),
  'submit, keyed': (endpoint: string) => openChain(endpoint, true),
} as const;
export type SubjectName = keyof typeof SUBJECTS;
