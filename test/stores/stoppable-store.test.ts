import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { stoppableStore } from '../../src/stores/stoppable-store.ts';
import type { Store } from '../../src/stores/store.ts';
import { memoryStore } from '../../src/testing/memory-store.ts';
import { storeContract } from '../../src/testing/store-contract.ts';

/** A store whose calls end only by their signal. */
function hangingStore(): Store {
  const hang = (_: unknown, options?: { readonly signal?: AbortSignal }): Promise<never> =>
    new Promise((_resolve, reject) => {
      const { signal } = options ?? {};
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  return {
    name: 'hanging',
    put: (key, _chunks, options) => hang(key, options),
    get: hang,
    head: hang,
    delete: hang,
    async *list(prefix, options) {
      yield await hang(prefix, options);
    },
  };
}

async function firstOf(store: Store, options?: { readonly signal: AbortSignal }): Promise<unknown> {
  for await (const object of store.list('', options)) return object;
  return undefined;
}

describe('a store that can be stopped', () => {
  for (const { name, run } of storeContract(async () => ({
    store: stoppableStore(memoryStore()),
    dispose: async () => undefined,
  })))
    it(name, run);

  it('ends the calls that run, and refuses every later one, with the reason', async () => {
    const store = stoppableStore(hangingStore());
    const calls = () => [
      store.put('k', []),
      store.get('k'),
      store.head('k'),
      store.delete('k'),
      firstOf(store),
    ];
    const running = calls();
    store.stop(new Error('closing'));
    store.stop(new Error('again'));
    for (const call of running) await expect(call).rejects.toThrow('closing');
    const memory = stoppableStore(memoryStore());
    memory.stop(new Error('closing'));
    for (const call of [
      memory.put('k', []),
      memory.get('k'),
      memory.head('k'),
      memory.delete('k'),
      firstOf(memory),
    ])
      await expect(call).rejects.toThrow('closing');
  });

  it('ends a call by its own signal too, and leaves nothing on a signal that lives on', async () => {
    const store = stoppableStore(hangingStore());
    const controller = new AbortController();
    const { signal } = controller;
    const running = [store.get('k', { signal }), firstOf(store, { signal })];
    controller.abort(new Error('enough'));
    for (const call of running) await expect(call).rejects.toThrow('enough');
    const living = new AbortController().signal;
    const memory = stoppableStore(memoryStore());
    await memory.put('k', [Uint8Array.of(1)], { signal: living });
    await memory.get('k', { signal: living });
    await firstOf(memory, { signal: living });
    expect(getEventListeners(living, 'abort')).toEqual([]);
  });
});
