/** The S3 store on this machine's clock and chance: the adapter sees ports only, so what it needs is given here. */
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import type { S3StoreOptions as AdapterOptions } from '../stores/s3-options.ts';
import * as s3 from '../stores/s3-store.ts';

/** Clock and chance are the machine's unless given. */
export type S3StoreOptions = Omit<AdapterOptions, 'clock' | 'random'> &
  Partial<Pick<AdapterOptions, 'clock' | 'random'>>;

/**
 * Objects in a bucket of S3, or of a server that speaks like it. Needs the packages `@aws-sdk/client-s3` and
 * `@aws-sdk/lib-storage`, which are loaded with the first call.
 * @throws ConfigError for an option that is out of range; every call rejects with StorageError, or with ConfigError
 * when a package is missing
 */
export function s3Store(options: S3StoreOptions): s3.S3Store {
  return s3.s3Store({ clock: systemClock, random: systemRandom, ...options });
}
