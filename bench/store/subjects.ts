/** Ways to have batches in S3. Each takes one batch and resolves when it is durable. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { s3Store } from '../../src/assembly/s3-store.ts';
import { sha256 } from '../../src/core/keys.ts';
import type { RawEntry } from '../../src/journal/journal.ts';
import { packEntries } from '../../src/stores/pack.ts';
import type { Store } from '../../src/stores/store.ts';

export interface Running {
  put(body: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const SOCKETS = 512;
const IN_FLIGHT_MAX = 4;
const OBJECT_BYTES = 8 * 1024 * 1024;
const OPTIONS = {
  bucket: 'bench',
  region: 'us-east-1',
  credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
};

/** What a pipeline without Tierfall does. */
function putPerBatchBySdk(endpoint: string): Running {
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

function openStore(endpoint: string): Store {
  return s3Store({ ...OPTIONS, endpoint, socketsMax: SOCKETS });
}

/** One object per batch through our store. */
function putPerBatchByStore(endpoint: string): Running {
  const store = openStore(endpoint);
  let keys = 0;
  return {
    put: async (body) => {
      keys += 1;
      await store.put(`store/${keys}`, [body]);
    },
    close: async () => store.close?.(),
  };
}

function entryOf(body: Uint8Array, n: number): RawEntry {
  const digest = sha256(body);
  return {
    purpose: 'replay',
    key: digest.slice(0, 32),
    orderingKey: undefined,
    priority: 'normal',
    format: 'opaque',
    attributes: {},
    receivedAtMs: n,
    reason: 'unavailable',
    trail: '[]',
    rowCount: 1,
    rows: undefined,
    sha256: digest,
    body,
  };
}

interface Waiting {
  readonly entry: RawEntry;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** Whoever waits shares the next object, of which four are under way: no timer. */
function packed(endpoint: string): Running {
  const store = openStore(endpoint);
  const waiting: Waiting[] = [];
  let inFlight = 0;
  let entries = 0;
  const pump = async (): Promise<void> => {
    inFlight += 1;
    // All that were acknowledged together submit again together, and share an object.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const taken = waiting.splice(
        0,
        Math.max(1, Math.floor(OBJECT_BYTES / (waiting[0]?.entry.body.length ?? 1))),
      );
      const options = { store, chain: 'bench', lanes: 1, emit: () => {}, announce: async () => {} };
      try {
        await packEntries(
          taken.map(({ entry }) => entry),
          options,
        );
        for (const { done } of taken) done();
      } catch (error) {
        for (const { failed } of taken) failed(error);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    inFlight -= 1;
  };
  return {
    put: (body) =>
      new Promise((done, failed) => {
        entries += 1;
        waiting.push({ entry: entryOf(body, entries), done, failed });
        if (inFlight < IN_FLIGHT_MAX) void pump();
      }),
    close: async () => store.close?.(),
  };
}

export const SUBJECTS = { sdk: putPerBatchBySdk, store: putPerBatchByStore, packed } as const;
export type SubjectName = keyof typeof SUBJECTS;
