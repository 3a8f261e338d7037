/**
 * Keys of encrypted data, from a file: a JSON list of {"id", "key"}, or one object of id to key, each key 64 hex digits. The
 * last one is the current key.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigError } from '../core/errors.ts';
import { KeyRing, type NamedKey } from '../core/key-ring.ts';

const HINT =
  'The file is a JSON list, such as [{"id": "2026-11", "key": "<64 hex digits>"}], the current key last. It must not be readable by others.';
/** JSON.parse puts such names before all others, by their value: which key was written last is not known. */
const INTEGER = /^(?:0|[1-9]\d*)$/;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pairOf(item: unknown, at: number): [id: string, hex: unknown] {
  if (isObject(item) && typeof item['id'] === 'string') return [item['id'], item['key']];
  throw new Error(`item ${at} of the list is not {"id": "…", "key": "…"}`);
}

function pairsOf(value: unknown): [id: string, hex: unknown][] {
  if (Array.isArray(value)) return value.map(pairOf);
  if (!isObject(value)) throw new Error('it is neither a JSON list nor a JSON object');
  const pairs = Object.entries(value);
  const integer = pairs.find(([id]) => INTEGER.test(id));
  if (integer !== undefined && pairs.length > 1) {
    throw new Error(
      `the id ${JSON.stringify(integer[0])} is an integer, and a JSON object does not keep the order of such ids, which says the current key; write a list`,
    );
  }
  return pairs;
}

function namedKeys(text: string): NamedKey[] {
  return pairsOf(JSON.parse(text)).map(([id, hex]) => {
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
