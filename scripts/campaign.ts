/** `npm run campaign -- NAME`: a long run over real processes and servers. What follows the name is the campaign's own. */
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

const CAMPAIGNS: Readonly<Record<string, string>> = {
  'dropped-replies': 'test/campaigns/dropped-replies.ts',
  reconcile: 'test/campaigns/reconcile.ts',
  redis: 'test/campaigns/redis-events.ts',
  rebuild: 'test/campaigns/rebuild.ts',
};

const [name = '', ...args] = process.argv.slice(2);
const file = Object.hasOwn(CAMPAIGNS, name) ? CAMPAIGNS[name] : undefined;
if (file === undefined) {
  const known = Object.keys(CAMPAIGNS).join(', ');
  process.stderr.write(`campaign: ${name ? `no campaign "${name}"` : 'name one'}; there are: ${known}\n`);
  process.exit(2);
}
process.exitCode = runCommand(process.execPath, [join(import.meta.dirname, '..', file), ...args]).code;
