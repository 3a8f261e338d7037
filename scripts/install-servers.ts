/**
 * Installs by apt what the tests need and this machine lacks, when that is permitted; otherwise says what to install,
 * and exits 1. Does nothing when everything is there.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { runCommand } from './run-command.ts';
import { explainMissing, findMissingServers } from './servers.ts';

/** Tells apt to start no daemon: the tests start their own, on ports that are free. */
const POLICY = '/usr/sbin/policy-rc.d';
const LOCK_PATIENCE = 'DPkg::Lock::Timeout=300';

function install(packages: readonly string[]): boolean {
  process.env['DEBIAN_FRONTEND'] = 'noninteractive';
  const hasPolicy = existsSync(POLICY);
  if (!hasPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const options = ['install', '-y', '--no-install-recommends', '-o', LOCK_PATIENCE];
    return (
      runCommand('apt-get', ['update', '-o', LOCK_PATIENCE]).code === 0 &&
      runCommand('apt-get', [...options, ...packages]).code === 0
    );
  } finally {
    if (!hasPolicy) rmSync(POLICY, { force: true });
  }
}

const missing = findMissingServers(process.env);
const canInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
if (missing.length > 0 && canInstall) {
  process.stdout.write(`installing ${missing.map(({ name }) => name).join(', ')}\n`);
  install([...new Set(missing.flatMap(({ packages }) => packages))]);
}
const left = findMissingServers(process.env);
if (left.length > 0) process.stderr.write(`${explainMissing(left)}\n`);
else process.stdout.write('every server that the tests need is there\n');
process.exitCode = left.length > 0 ? 1 : 0;
