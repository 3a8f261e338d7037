import { writeFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { linkAbort } from '../../core/signal.ts';
import { defineCommand } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { showProof, writeReport } from '../demo/conclusion.ts';
import { datasetScript } from '../demo/datasets.ts';
import { howToLook } from '../demo/look.ts';
import { releaseOutput, replaceOutput } from '../demo/output-directory.ts';
import { ownFileScript } from '../demo/own-file.ts';
import { type Plan, paceFor } from '../demo/plan.ts';
import { proveAll } from '../demo/read-back.ts';
import type { Script } from '../demo/script.ts';
import { Stage } from '../demo/stage.ts';
import { tellStory } from '../demo/story.ts';
import { formatDuration } from '../format.ts';
import { EXIT_FAILED, EXIT_OK } from '../program.ts';
import { writeSettings } from '../settings.ts';
import { OUTPUT_OPTIONS } from '../shared-options.ts';

const OPTIONS = {
  input: {
    type: 'text',
    short: 'i',
    placeholder: 'FILE',
    description: 'Tell it on this file. Default: two releases of the vega-datasets package.',
  },
  format: {
    type: 'text',
    placeholder: 'FORMAT',
    choices: ['csv', 'json', 'ndjson'],
    description: 'Format of the input. Default: by the ending of its name.',
  },
  out: {
    type: 'text',
    placeholder: 'DIR',
    default: '.tierfall/demo',
    description: 'Where everything is written; what an earlier demo left there is replaced.',
  },
  ...OUTPUT_OPTIONS,
} as const;

/** `tierfall demo`: drift, an outage and a kill, told on real files; fails when the ledger does not balance. */
export const demoCommand = defineCommand(
  {
    name: 'demo',
    summary: 'Watch drift, an outage and kill -9 on real data, and the proof that nothing is lost.',
    description: [
      'A pipeline in a process of its own writes to SQLite; its sink is taken away, it is killed and started again. At the end the sink is read back and compared with the source files, record by record. Exit code 1 when the ledger does not balance.',
    ],
    options: OPTIONS,
    examples: [{ command: 'tierfall demo --input orders.csv', description: 'The story on your own records' }],
  },
  async ({ options }, context: CliContext) => {
    const { cwd, signal } = context;
    const terminal = terminalOf(context, options.json);
    const out = resolve(cwd, options.out);
    const script = await scriptFor(options, out, cwd);
    const warehouse = join(out, 'warehouse.db');
    const planFile = join(out, 'plan.json');
    await writePlan(script, warehouse, planFile, out);
    const stage = new Stage({ script, planFile, warehouse, context, terminal, json: options.json });
    const unlink = linkAbort(signal, () => stage.stop());
    try {
      await tellStory(stage);
      return await conclude(stage, out, context);
    } finally {
      unlink();
      await releaseOutput(out);
    }
  },
);

/** The story for the given input; the output directory is empty afterwards, but for copies of the input. */
async function scriptFor(
  { input, format }: { readonly input: string | undefined; readonly format: string | undefined },
  out: string,
  cwd: string,
): Promise<Script> {
  const prepare = (chains: readonly string[]): Promise<void> => replaceOutput(out, namesIn(chains));
  if (input !== undefined) return ownFileScript({ file: resolve(cwd, input), format, out, prepare });
  const script = await datasetScript(out);
  await prepare(script.chains.map(({ name }) => name));
  return script;
}

function namesIn(chains: readonly string[]): readonly string[] {
  return [
    ...chains,
    'input',
    'writer',
    'plan.json',
    'warehouse.db',
    'warehouse.db-wal',
    'warehouse.db-shm',
    'report.html',
  ];
}

/** The plan for the writer, and in each data directory what the other commands need to know. */
async function writePlan(script: Script, warehouse: string, planFile: string, out: string): Promise<void> {
  const { chains, feeds, items } = script;
  const plan: Plan = {
    warehouse,
    writerDir: join(out, 'writer'),
    chains,
    feeds: feeds.map(({ batches: _batches, isWhole: _isWhole, ...feed }) => feed),
    items,
    paceMs: paceFor(items),
  };
  await writeFile(planFile, JSON.stringify(plan));
  for (const { name, dir, table, schema, tolerance } of chains) {
    await writeSettings(dir, {
      version: 1,
      chain: name,
      sink: `sqlite:${warehouse}`,
      table,
      schema,
      tolerance,
    });
  }
}

async function conclude(stage: Stage, out: string, context: CliContext): Promise<number> {
  const { terminal, script, warehouse } = stage;
  await stage.scene(
    'The proof',
    'The pipeline is gone. The demo reads the source files and the tables again, with readers of its own, and looks for every single record.',
  );
  const proofs = await proveAll(script, warehouse, stage.tally, context);
  const isBalanced = showProof(stage, proofs);
  const look = howToLook(script, warehouse, context.cwd);
  const report = await writeReport(stage, proofs, {
    out,
    title: `tierfall demo: ${isBalanced ? 'nothing is missing' : 'the ledger does NOT balance'}`,
    howToLook: look,
  });
  const records = proofs.reduce((sum, proof) => sum + proof.records, 0).toLocaleString('en-US');
  terminal.note('');
  terminal.verdict(
    isBalanced,
    isBalanced
      ? `Balanced: every one of ${records} records is accounted for, in ${formatDuration(stage.elapsedMs)}.`
      : 'NOT balanced. What is wrong is said above; everything was left as it is.',
  );
  terminal.note(`\nReport: ${relative(context.cwd, report) || basename(report)}\n\nLook for yourself:`);
  terminal.note(look.map((line) => (line.startsWith('$ ') ? `  ${line}` : `  # ${line}`)).join('\n'));
  return isBalanced ? EXIT_OK : EXIT_FAILED;
}
