/** The servers that tests talk to: how each is found, and what to install when it is not. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface TestServer {
  readonly name: string;
  /** Programs that must be on the PATH. */
  readonly programs: readonly string[];
  /** Packages of Debian and Ubuntu that have them. */
  readonly packages: readonly string[];
  /** Names a server that runs already: nothing is needed then. */
  readonly variable: string;
}

export const SERVERS: readonly TestServer[] = [
  {
    name: 'radosgw (the S3 server of Ceph)',
    programs: ['radosgw', 'radosgw-admin', 'ceph-mon', 'ceph-osd', 'ceph-authtool', 'monmaptool'],
    packages: ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-common'],
    variable: 'S3_ENDPOINT',
  },
  {
    name: 'Redis',
    programs: ['redis-server'],
    packages: ['redis-server'],
    variable: 'REDIS_URL',
  },
  {
    name: 'InfluxDB 1.x',
    programs: ['influxd'],
    packages: ['influxdb'],
    variable: 'INFLUX_URL',
  },
  {
    name: 'VictoriaMetrics',
    programs: ['victoria-metrics'],
    packages: ['victoria-metrics'],
    variable: 'VICTORIA_METRICS_URL',
  },
];

export type Environment = Readonly<Record<string, string | undefined>>;

function isOnPath(program: string, env: Environment): boolean {
  return (env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));
}

/** Servers that are neither installed nor named by the environment. */
export function findMissingServers(
  env: Environment,
  servers: readonly TestServer[] = SERVERS,
): readonly TestServer[] {
  return servers.filter(
    ({ programs, variable }) => !env[variable] && !programs.every((program) => isOnPath(program, env)),
  );
}

/** What whoever runs the tests has to do, as text. */
export function explainMissing(missing: readonly TestServer[]): string {
  const packages = [...new Set(missing.flatMap((server) => server.packages))].join(' ');
  return [
    ...missing.map(({ name, variable }) => `missing: ${name}; or set ${variable} to one that runs`),
    `on Debian or Ubuntu: apt-get install --no-install-recommends ${packages}`,
    'as root, "node scripts/install-servers.ts" does it',
  ].join('\n');
}
