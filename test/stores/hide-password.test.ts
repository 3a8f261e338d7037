import { expect, it } from 'vitest';
import { hidePassword } from '../../src/stores/hide-password.ts';

it.each([
  ['https://key:secret@host/bucket', 'https://…@host/bucket'],
  ['https://key:sec/secret@host', 'https://…@host'],
  ['https://key:sec@secret@host', 'https://…@host'],
  ['bucket/prefix and s3://key:secret@host', 'bucket/prefix and s3://…@host'],
  ['s3://bucket/prefix', 's3://bucket/prefix'],
])('%s is shown without a password', (text, shown) => {
  expect(hidePassword(text)).toBe(shown);
});
