import { describe, expect, it } from 'vitest';
import { parseQueueUrl, withoutCredentials } from '../../src/assembly/open-queue.ts';

describe('the URL of a queue', () => {
  it('names a server or a cluster, and what is set on it', () => {
    expect(parseQueueUrl('redis://app:pa@ss@host:6380/2?namespace=plant&eviction=warn')).toEqual({
      connection: 'redis://app:pa%40ss@host:6380/2',
      namespace: 'plant',
      eviction: 'warn',
    });
    expect(parseQueueUrl('rediss+cluster://app:pa%40ss@host:6380')).toEqual({
      connection: {
        cluster: ['rediss://app:pa%40ss@host:6380'],
        options: { tls: {}, username: 'app', password: 'pa@ss' },
      },
    });
  });

  it.each([
    'redis://app:secret@host:6379/0?password=secret',
    'redis://app:12/secret@host:6379/0',
    'redis://app:pa/secret@host:6379/0',
    'redis://app:pa#secret@host:6379/0',
    'redis://host/0?eviction=secret',
    'http://app:secret@host',
    'secret',
  ])('is refused without telling what may be a secret: %s', (text) => {
    const parse = (): unknown => parseQueueUrl(text);
    expect(parse).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('rediss') }),
    );
    expect(parse).toThrow(/^(?!.*secret)/s);
  });

  it.each([
    ['redis://app:secret@host:6379/0', 'redis://host:6379/0'],
    ['redis://app:sec@secret@host:6379/0?namespace=a@b', 'redis://host:6379/0?namespace=a@b'],
    ['redis://:secret@host', 'redis://host'],
    ['redis+cluster://host/1', 'redis+cluster://host/1'],
  ])('is kept without its password: %s', (text, kept) => {
    expect(withoutCredentials(text)).toBe(kept);
  });
});
