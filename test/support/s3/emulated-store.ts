/** An S3 store over an emulator, for tests of either; with limits that tests do not have to wait for. */

import type { S3StoreOptions } from '../../../src/assembly/s3-store.ts';
import { s3Store } from '../../../src/assembly/s3-store.ts';
import type { S3Store } from '../../../src/stores/s3-store.ts';
import { EMULATOR_CREDENTIALS, S3Emulator, type S3EmulatorOptions } from './s3-emulator.ts';

const MIB = 1024 * 1024;

/** Uploads that small are still done in parts, and lists have many pages. */
export const SMALL_LIMITS = { multipartBytes: 6 * MIB, partBytes: 5 * MIB, pageKeys: 4 } as const;

export function storeOn(emulator: S3Emulator, options: Partial<S3StoreOptions> = {}): S3Store {
  return s3Store({
    bucket: emulator.bucketName,
    endpoint: emulator.endpoint,
    credentials: EMULATOR_CREDENTIALS,
    ...SMALL_LIMITS,
    ...options,
  });
}

export interface EmulatedStore extends AsyncDisposable {
  readonly emulator: S3Emulator;
  readonly store: S3Store;
}

export async function emulatedStore(
  options: Partial<S3StoreOptions> = {},
  emulation: S3EmulatorOptions = {},
): Promise<EmulatedStore> {
  const emulator = await S3Emulator.start(emulation);
  const store = storeOn(emulator, options);
  const dispose = async (): Promise<void> => {
    await store.close?.();
    await emulator.stop();
  };
  return { emulator, store, [Symbol.asyncDispose]: dispose };
}
