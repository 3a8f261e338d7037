import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readKeys } from '../../src/cli/key-file.ts';
import { workplace } from './workplace.ts';

const [FIRST, SECOND] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];

async function keysOf(text: string) {
  const place = workplace();
  place.file('keys.json', text);
  return await readKeys(place.path, 'keys.json');
}

describe('a file of keys', () => {
  it('seals under the last key of a list, whatever the ids are', async () => {
    const list = [
      { id: '2026', key: FIRST },
      { id: 'autumn', key: FIRST },
      { id: '1', key: SECOND },
    ];
    const ring = await keysOf(JSON.stringify(list));
    expect([ring?.ids, ring?.currentId]).toEqual([['2026', 'autumn', '1'], '1']);
  });

  it('seals under the last key of an object', async () => {
    const ring = await keysOf(`{"b":"${FIRST}","a":"${SECOND}"}`);
    expect([ring?.ids, ring?.currentId]).toEqual([['b', 'a'], 'a']);
    expect((await keysOf(`{"2026":"${FIRST}"}`))?.currentId).toBe('2026');
  });

  it('is refused when an integer among the ids of an object hides which key is the last', async () => {
    await expect(keysOf(`{"autumn":"${FIRST}","2026":"${SECOND}"}`)).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/"2026" is an integer.*write a list/),
      hint: expect.stringContaining('[{"id"'),
    });
  });

  it('is refused when it is anything else, without a word of a key', async () => {
    for (const [text, words] of [
      ['3', 'neither a JSON list nor a JSON object'],
      ['null', 'neither a JSON list nor a JSON object'],
      ['[]', 'found none'],
      [`["${FIRST}"]`, 'item 0 of the list is not'],
      [`[{"id":7,"key":"${FIRST}"}]`, 'item 0 of the list is not'],
      [`[{"id":"a","key":"${FIRST}0"}]`, 'the key "a" is not 64 hex digits'],
      [`[{"id":"a"}]`, 'the key "a" is not 64 hex digits'],
      [`[{"id":"a","key":"${FIRST}"},{"id":"a","key":"${SECOND}"}]`, 'found "a" twice'],
      [`{"a":"${FIRST}"`, 'it is no JSON'],
    ] as const) {
      const refusal = await keysOf(text).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ name: 'ConfigError', message: expect.stringContaining(words) });
      expect(String(refusal)).not.toContain(FIRST);
    }
  });
});
