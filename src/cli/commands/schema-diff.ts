/** `tierfall schema diff`. */
import { resolve } from 'node:path';
import type { Compatibility } from '../../schema/declare/compatibility.ts';
import { diffSchemas } from '../../schema/declare/diff-schemas.ts';
import type { SchemaChange } from '../../schema/declare/schema-change.ts';
import { UsageError } from '../args.ts';
import type { CliContext } from '../context.ts';
import { EXIT_FAILED, EXIT_OK } from '../program.ts';
import { readSchemaFile } from '../schema-file.ts';
import type { TableRow } from '../table.ts';
import type { Terminal, Tone } from '../terminal.ts';

const TONES: Readonly<Record<Compatibility, Tone>> = { compatible: 'good', coercible: 'fair', breaking: 'bad' };

const VERDICTS: Readonly<Record<Compatibility, string>> = {
  compatible: 'compatible: every record that conforms to the old schema conforms to the new one',
  coercible: 'coercible: records for the old schema land under the new one, with every change written down',
  breaking: 'breaking: some records that conform to the old schema are refused by the new one',
};

const WORST_FIRST: readonly Compatibility[] = ['breaking', 'coercible', 'compatible'];

function changeRow({ path, kind, from, to, compatibility, why }: SchemaChange): TableRow {
  return {
    change: compatibility,
    field: path === '' ? '(schema)' : path,
    what: kind,
    old: from ?? '',
    new: to ?? '',
    why,
  };
}

/** Compares the two schemas of two files. @returns the exit code: 0 only when all is compatible */
export async function diffFiles(
  files: readonly string[],
  terminal: Terminal,
  context: CliContext,
  json: boolean,
): Promise<number> {
  const [old, now] = files;
  if (old === undefined || now === undefined || files.length > 2)
    throw new UsageError('schema diff takes two files: OLD and NEW', 'Run "tierfall schema --help".');
  const from = await readSchemaFile(resolve(context.cwd, old), '<old>');
  const to = await readSchemaFile(resolve(context.cwd, now), '<new>');
  const { compatibility, changes } = diffSchemas(from, to);
  if (json) {
    context.stdout.write(`${JSON.stringify({ type: 'schema-diff', compatibility, changes })}\n`);
  } else {
    const sorted = WORST_FIRST.flatMap((each) => changes.filter((change) => change.compatibility === each));
    if (sorted.length > 0)
      terminal.table(
        sorted.map(changeRow),
        undefined,
        sorted.map((each) => TONES[each.compatibility]),
      );
    terminal.verdict(
      compatibility === 'compatible',
      changes.length === 0 ? 'the schemas are equal' : VERDICTS[compatibility],
    );
  }
  return compatibility === 'compatible' ? EXIT_OK : EXIT_FAILED;
}
