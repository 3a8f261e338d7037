/**
 * What makes rows durable that left the chain: a journal on the local disk in front of the store, or the store alone.
 *
 *   journal   append ──> fdatasync ──> acknowledged ┄┄ packer ┄┄> store ──> announced
 *   store     append ──> store ──> announced ──> acknowledged
 */
import { ConfigError, DirectoryLockedError } from '../core/errors.ts';
import type { KeyRing } from '../core/key-ring.ts';
import { toStorageError } from '../core/storage-fault.ts';
import type { Journal } from '../journal/journal.ts';
import { openSegmentJournal } from '../journal/segment-journal.ts';
import { createPacker, type Packer } from '../stores/pack.ts';
import type { EncodeOptions } from '../stores/parquet.ts';
import type { Store } from '../stores/store.ts';
import { storeJournal } from '../stores/store-journal.ts';
import type { Backlog, Machine } from './backlog.ts';
import { openPatiently } from './open-patiently.ts';
import { type LeftoverSettings, packLeftovers } from './pack-leftovers.ts';

/**
 * `journal`: rows are acknowledged after an fdatasync of the local disk and packed into the store in the background.
 * `store`: for machines whose disk does not outlive them; rows are acknowledged when the store has confirmed them.
 */
export const DURABILITIES = ['journal', 'store'] as const;
export type Durability = (typeof DURABILITIES)[number];

export interface DurableOptions {
  readonly durability: Durability;
  /** Of the journal. */
  readonly directory: string;
  readonly chain: string;
  readonly store: Store;
  readonly encode: EncodeOptions;
  /** Of the journal's entries. @default they are readable */
  readonly keys?: KeyRing | undefined;
}

/** What the packer tells of objects. */
type AttachedBacklog = Pick<Backlog, 'chain' | 'store' | 'stored' | 'announce'> & {
  /** Told of the last seq that the journal has forgotten. */
  readonly forgot?: (seq: number) => void;
};

/** The journal comes first, because a second writer must be refused before anything else is opened. */
export interface Durable {
  readonly journal: Journal;
  /** Says that something was appended. */
  nudge(): void;
  /** Says that room is short. */
  hurry(): void;
  /**
   * Connects it with what it announces jobs to.
   * @param journal the same one as it is used, perhaps behind watermarks
   */
  attach(backlog: AttachedBacklog, journal: Journal): Promise<Pick<Packer, 'start' | 'flush' | 'close'>>;
}

/** @throws ConfigError for an unknown mode; what the journal's opening throws */
export async function openDurable(options: DurableOptions, machine: Machine): Promise<Durable> {
  if (options.durability === 'journal') return openInJournal(options, machine);
  if (options.durability === 'store') return openInStore(options, machine);
  throw new ConfigError(
    'durability',
    `found ${JSON.stringify(options.durability)}`,
    `Use one of ${DURABILITIES.join(', ')}.`,
  );
}

async function openInJournal(
  { directory, chain, encode, keys }: DurableOptions,
  machine: Machine,
): Promise<Durable> {
  const { clock, random, fs, bus } = machine;
  const { emit } = bus;
  const journal = await openPatiently(clock, () =>
    openSegmentJournal({ directory, chain, fs, clock, emit, ...(keys ? { keys } : {}) }),
  );
  let packer: Packer | undefined;
  return {
    journal,
    nudge: () => packer?.nudge(),
    hurry: () => packer?.hurry(),
    attach: async ({ store, announce, stored, forgot }, used) => {
      packer = createPacker({
        journal: used,
        store,
        chain,
        clock,
        random,
        fs,
        directory,
        emit,
        announce,
        stored,
        forgot,
        encode,
      });
      return packer;
    },
  };
}

function openInStore({ directory, chain, store, encode, keys }: DurableOptions, machine: Machine): Durable {
  const { clock, bus } = machine;
  let backlog: Pick<Backlog, 'stored' | 'announce'> | undefined;
  const journal = storeJournal({
    store,
    chain,
    clock,
    encode,
    emit: bus.emit,
    stored: async (objects) => backlog?.stored(objects),
    announce: async (object) => backlog?.announce(object),
  });
  return {
    journal,
    nudge: () => undefined,
    hurry: () => undefined,
    attach: async (found) => {
      backlog = found;
      // What is acknowledged is in an object already.
      found.forgot?.(Number.POSITIVE_INFINITY);
      await adoptJournal(directory, found, machine, { encode, keys });
      return { start: () => undefined, flush: () => journal.settled(), close: () => journal.settled() };
    },
  };
}

/** What an earlier run in the other mode left. A store that is away must not keep this one from opening. */
async function adoptJournal(
  directory: string,
  backlog: AttachedBacklog,
  machine: Machine,
  settings: LeftoverSettings,
): Promise<void> {
  let isFree: boolean;
  try {
    isFree = await packLeftovers(directory, backlog, machine, settings);
  } catch (error) {
    const { code, message } = toStorageError(error, `pack what is left in ${directory}`);
    machine.bus.emit('storageFailed', { chain: backlog.chain, operation: 'pack leftovers', code, message });
    return;
  }
  if (!isFree) throw new DirectoryLockedError(directory, 'a writer with durability "journal"');
}
