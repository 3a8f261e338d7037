/** Commands with which anybody can look at what the demo left behind. */
import { extname, join, relative } from 'node:path';
import { dataDirectory } from '../../assembly/data-directory.ts';
import type { Script } from './script.ts';

/** Sentences, and commands that start with `$ `. */
export function howToLook(script: Script, warehouse: string, cwd: string): readonly string[] {
  const shown = (path: string): string => quote(relative(cwd, path) || '.');
  const tierfall = programName(cwd);
  // The chain that was given rows which fit nowhere has the most to show.
  const strays = script.items.find(({ phase }) => phase === 'foreign')?.feed;
  const chain = script.feeds.find(({ id }) => id === strays)?.chain;
  const { name, dir, table } = script.chains.find((each) => each.name === chain) ?? script.chains[0] ?? NONE;
  const objects = relative(cwd, join(dataDirectory(dir).objects, `chain=${name}`));
  return [
    'The rows in the sink:',
    `$ sqlite3 ${shown(warehouse)} 'select * from "${table}" limit 5'`,
    'The raw rows, as any Parquet reader sees them:',
    `$ duckdb -c "select reason, sum(row_count) from '${objects}/**/*.parquet' group by 1"`,
    'What was deferred, and what rests in quarantine, with the words of the check:',
    `$ ${tierfall} status --dir ${shown(dir)}`,
    `$ ${tierfall} quarantine list --limit 5 --dir ${shown(dir)}`,
    'Every stored byte checked against its hash:',
    `$ ${tierfall} verify --dir ${shown(dir)}`,
  ];
}

const NONE = { name: '', dir: '.', table: '' };

/** How this program was called: from its sources, or as the installed package. */
function programName(cwd: string): string {
  const program = process.argv[1] ?? '';
  return extname(program) === '.ts' ? `node ${quote(relative(cwd, program))}` : 'npx tierfall';
}

function quote(text: string): string {
  return /^[\w./@:=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
