/** From the options that say how objects are written, and under which keys, to what does it. */
import type { KeyRing } from '../core/key-ring.ts';
import { bodySeal, openBody } from '../stores/body-seal.ts';
import { loadObjectWriter, type ParquetWriterName } from '../stores/parquet/object-writers.ts';
import type { EncodeOptions, OpenBody } from '../stores/parquet.ts';

export interface ObjectOptions {
  /** What writes objects; whatever wrote one, it is read the same way. @default 'built-in' */
  readonly parquet?: ParquetWriterName;
  /**
   * Encrypts bytes of records at rest: in the journal, in objects and in the quarantine. Add a key to the ring to change it
   * while everything runs; old data is readable while its key is there. @default they are readable
   */
  readonly encryption?: KeyRing;
}

export interface ObjectSettings {
  readonly encode: EncodeOptions;
  readonly keys?: KeyRing;
  /** Opens the bodies of sealed objects. */
  readonly open?: OpenBody;
}

/** @throws ConfigError when the writer is unknown or its package is not installed */
export async function objectSettings(options: ObjectOptions = {}): Promise<ObjectSettings> {
  const { parquet = 'built-in', encryption } = options;
  const write = await loadObjectWriter(parquet);
  if (!encryption) return { encode: { write } };
  return { encode: { write, seal: bodySeal(encryption) }, keys: encryption, open: openBody(encryption) };
}
