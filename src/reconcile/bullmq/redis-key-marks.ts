/** Marks of ordering keys in Redis: one hash per chain, from the key to the order and ref of its last object. */
import { randomUUID } from 'node:crypto';
import type { StoredKeys } from '../fence/key-backlog.ts';
import type { FoundMarks, KeyMarks } from '../fence/key-marks.ts';
import type { RedisLink } from './redis-link.ts';

const ORDER_DIGITS = 16;
/** Keys of one call: a script holds up all others. */
const CHUNK = 1_000;

export class RedisKeyMarks implements KeyMarks {
  readonly #link: RedisLink;
  readonly #keys: readonly [marks: string];

  /** @param keyOf the full name of a key of the chain */
  constructor(link: RedisLink, keyOf: (name: string) => string) {
    this.#link = link;
    this.#keys = [keyOf('fence')];
  }

  async find(keys: readonly string[]): Promise<FoundMarks> {
    const refs = new Map<string, string>();
    const memories = new Set<string>();
    for (const chunk of keys.length === 0 ? [[]] : chunksOf(keys)) {
      const [name, ...found] = (await this.#link.run('findMarks', this.#keys, [
        randomUUID(),
        ...chunk,
      ])) as string[];
      // A new connection may lead to a Redis that lost what it was told last.
      memories.add(`${this.#link.era}/${name}`);
      for (const [at, mark] of found.entries())
        if (mark) refs.set(chunk[at] ?? '', mark.slice(ORDER_DIGITS + 1));
    }
    return { memory: [...memories].join(), refs };
  }

  async add(objects: readonly StoredKeys[]): Promise<void> {
    for (const { ref, order, orderingKeys } of objects) {
      const mark = `${String(order).padStart(ORDER_DIGITS, '0')} ${ref}`;
      for (const chunk of chunksOf(orderingKeys))
        await this.#link.run('addMarks', this.#keys, [mark, ...chunk]);
    }
  }

  async remove(marks: ReadonlyMap<string, string>): Promise<void> {
    for (const chunk of chunksOf([...marks].flat())) await this.#link.run('removeMarks', this.#keys, chunk);
  }
}

function* chunksOf(values: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < values.length; at += CHUNK) yield values.slice(at, at + CHUNK);
}
