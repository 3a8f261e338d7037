/**
 * `npm run bench -- NAME [--json]`: runs one benchmark. With `--json` the last line is one JSON object
 * `{"name":…,"ratios":{…}}`; everything else goes to people.
 */
import { parseArgs } from 'node:util';
import { runChainBench } from './chain/bench.ts';
import { runCodecsBench } from './codecs/bench.ts';
import { runCoerceBench } from './coerce/bench.ts';
import { runDetectBench } from './detect/bench.ts';
import { runDiffBench } from './diff/bench.ts';
import { runJournalBench, runJournalOutageBench } from './journal/bench.ts';
import { runParquetBench } from './parquet/bench.ts';
import { runReconcileBench } from './reconcile/bench.ts';
import type { Bench } from './report.ts';
import { runStoreBench } from './store/bench.ts';
import { runTiersBench } from './tiers/bench.ts';

const BENCHES: Readonly<Record<string, Bench>> = {
  chain: runChainBench,
  codecs: runCodecsBench,
  coerce: runCoerceBench,
  detect: runDetectBench,
  diff: runDiffBench,
  journal: runJournalBench,
  'journal-outage': runJournalOutageBench,
  parquet: runParquetBench,
  reconcile: runReconcileBench,
  tiers: runTiersBench,
  store: runStoreBench,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string' } },
});
const name = positionals[0] ?? '';
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (!bench) {
  process.stderr.write(
    `bench: ${name ? `no benchmark "${name}"` : 'name one'}; there are: ${Object.keys(BENCHES).join(', ')}\n`,
  );
  process.exit(2);
}
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
  process.stderr.write(`bench: --rounds must be a whole number above 0, found ${values.rounds}\n`);
  process.exit(2);
}
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const ratios = await bench({ say, rounds });
if (values.json) say(JSON.stringify({ name, ratios }));
