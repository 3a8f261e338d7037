/**
 * `npm run faults`: the longer campaigns of faults, one per call. The first argument names it, `journal` when there is none; the
 * others are its own. What mounts disks runs in a mount namespace of its own.
 */
import { join } from 'node:path';
import { campaignCommand, isCampaign } from '../test/faults/campaigns.ts';
import { runCommand } from './run-command.ts';

const given = process.argv.slice(2);
const [name, args] = given[0]?.startsWith('-') === false ? [given[0], given.slice(1)] : ['journal', given];
if (!isCampaign(name)) {
  process.stderr.write(`faults: no such campaign: ${name}\n`);
  process.exit(2);
}
const { missing, program, parameters } = campaignCommand(name, join(import.meta.dirname, '..'));
if (missing !== undefined) {
  process.stderr.write(`faults: ${name}: ${missing}\n`);
  process.exit(2);
}
process.exitCode = runCommand(program, [...parameters, ...args]).code;
