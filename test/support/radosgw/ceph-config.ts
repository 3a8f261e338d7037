/** The smallest Ceph that serves S3: one monitor, one store in memory, one gateway, all below one directory. */

export interface CephLayout {
  readonly directory: string;
  readonly fsid: string;
  readonly monitorPort: number;
  readonly gatewayPort: number;
}

const MEMORY_BYTES = 2 * 1024 ** 3;

/** Sections by name, options by name. */
function sectionsOf({ directory, fsid, monitorPort, gatewayPort }: CephLayout) {
  return {
    global: {
      fsid,
      'mon host': `v2:127.0.0.1:${monitorPort}`,
      keyring: `${directory}/keyring`,
      'auth allow insecure global id reclaim': false,
      'ms bind ipv6': false,
      'ms bind msgr1': false,
      'public addr': '127.0.0.1',
      'cluster addr': '127.0.0.1',
      'run dir': `${directory}/run`,
      'crash dir': `${directory}/run`,
      'admin socket': `${directory}/run/$name.$pid.asok`,
      'log file': `${directory}/log/$name.log`,
      // One of everything: no copies, and as few placement groups as there can be.
      'osd pool default size': 1,
      'osd pool default min size': 1,
      'osd pool default pg num': 1,
      'osd pool default pgp num': 1,
      'osd pool default pg autoscale mode': 'off',
      'osd crush chooseleaf type': 0,
      'rgw rados pool pg num min': 1,
      'mon allow pool size one': true,
      'mon max pg per osd': 1000,
      // A fairly full disk stops the monitor otherwise.
      'mon data avail crit': 1,
      'mon data avail warn': 2,
      // A second per new pool otherwise.
      'paxos propose interval': 0.02,
      'paxos min wait': 0.01,
    },
    'mon.a': { 'mon data': `${directory}/mon` },
    osd: {
      'osd objectstore': 'memstore',
      'osd data': `${directory}/osd`,
      'memstore device bytes': MEMORY_BYTES,
    },
    'client.rgw': {
      'rgw data': `${directory}/rgw`,
      'rgw frontends': `beast endpoint=127.0.0.1:${gatewayPort} tcp_nodelay=1`,
      'rgw thread pool size': 32,
      'rgw dns name': 'localhost',
      'rgw run sync thread': false,
      // Customer keys over http, which a test on 127.0.0.1 may use.
      'rgw crypt require ssl': false,
    },
  };
}

/** The text of `ceph.conf`. */
export function cephConfig(layout: CephLayout): string {
  const sections = Object.entries<Readonly<Record<string, string | number | boolean>>>(sectionsOf(layout));
  return sections
    .map(([name, options]) => {
      const lines = Object.entries(options).map(([option, value]) => `${option} = ${value}`);
      return `[${name}]\n${lines.join('\n')}\n`;
    })
    .join('\n');
}
