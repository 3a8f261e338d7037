/** Keys of encrypted data, from a file: one JSON object, id to 64 hex digits; the last one is the current key. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigError } from '../core/errors.ts';
import { KeyRing, type NamedKey } from '../core/key-ring.ts';

const HINT =
  'The file is one JSON object, such as {"2026": "<64 hex digits>"}. It must not be readable by others.';

function namedKeys(text: string): NamedKey[] {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('it is no JSON object');
  return Object.entries(value).map(([id, hex]) => {
    if (typeof hex !== 'string' || !/^[0-9a-f]{64}$/i.test(hex)) {
      throw new Error(`the key ${JSON.stringify(id)} is not 64 hex digits`);
    }
    return { id, key: Buffer.from(hex, 'hex') };
  });
}

/** @returns undefined when no file was named @throws ConfigError when it holds no keys; never with a key in its words */
export async function readKeys(cwd: string, file: string | undefined): Promise<KeyRing | undefined> {
  if (file === undefined) return undefined;
  const text = await readFile(resolve(cwd, file), 'utf8').catch((error: unknown) => {
    throw new ConfigError('--keys', `could not read ${file}: ${(error as Error).message}`, HINT);
  });
  let keys: NamedKey[];
  try {
    keys = namedKeys(text);
  } catch (error) {
    // What JSON.parse says may quote the file.
    const words = error instanceof SyntaxError ? 'it is no JSON' : (error as Error).message;
    throw new ConfigError('--keys', `${file}: ${words}`, HINT);
  }
  return new KeyRing(keys);
}
