import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as entry from '../../src/testing/index.ts';

const FOLDER = new URL('../../src/testing/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.ts') && name !== 'index.ts');

describe('tierfall/testing', () => {
  it('has files to look at', () => {
    expect(FILES.length).toBeGreaterThan(5);
  });

  for (const file of FILES) {
    it(`publishes everything ${file} exports`, async () => {
      const names = Object.keys(await import(new URL(file, FOLDER).href));
      expect(names.filter((name) => !Object.hasOwn(entry, name))).toEqual([]);
    });
  }
});
