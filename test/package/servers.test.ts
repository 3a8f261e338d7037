import { describe, expect, it } from 'vitest';
import { explainMissing, findMissingServers, SERVERS } from '../../scripts/servers.ts';

describe('the servers that tests need', () => {
  it('are missing where their programs are not on the PATH, each told with its packages and its variable', () => {
    const missing = findMissingServers({ PATH: '/nowhere' });
    expect(missing.length).toBeGreaterThan(0);
    expect(missing).toEqual(SERVERS);
    const text = explainMissing(missing);
    for (const { packages, variable } of SERVERS) {
      for (const name of packages) expect(text).toMatch(new RegExp(`apt-get install .*\\b${name}\\b`));
      expect(text).toContain(`set ${variable}`);
    }
  });

  it('are not needed where the environment names one that runs', () => {
    const env = Object.fromEntries(SERVERS.map(({ variable }) => [variable, 'http://127.0.0.1:1']));
    expect(findMissingServers({ PATH: '/nowhere', ...env })).toEqual([]);
    expect(findMissingServers({ PATH: '/nowhere', S3_ENDPOINT: '' })).toEqual(SERVERS);
  });
});
