import { defineCommand, UsageError } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { FORMAT_OPTION, OUTPUT_OPTIONS, RECORD_BYTES_OPTION } from '../shared-options.ts';
import { checkFile } from './schema-check.ts';
import { diffFiles } from './schema-diff.ts';
import { inferFromFile } from './schema-infer.ts';

const ACTIONS = ['infer', 'check', 'diff'] as const;

/** `tierfall schema infer|check|diff`: schemas from data, data against schemas, schemas against each other. */
export const schemaCommand = defineCommand(
  {
    name: 'schema',
    summary: 'Infer a JSON Schema, check a file against one, or compare two.',
    description: [
      'infer FILE prints the schema that a sample of the records conforms to. check FILE --schema S counts what differs, and exits 1 when something does. diff OLD NEW says of each change what it means for records that were written for OLD: compatible, coercible (they land, and every change is written down) or breaking (some are refused); it exits 1 unless all is compatible.',
    ],
    positionals: [
      { name: 'action', description: ACTIONS.join(', ') },
      {
        name: 'file',
        description: 'A file of records, or - for standard input; of diff, two schemas.',
        many: true,
      },
    ],
    options: {
      format: FORMAT_OPTION,
      'record-bytes': RECORD_BYTES_OPTION,
      schema: { type: 'text', placeholder: 'FILE', description: 'check: JSON Schema of the records.' },
      sample: {
        type: 'integer',
        placeholder: 'N',
        default: '10000',
        min: 1,
        description: 'infer: records to look at, from the start.',
      },
      counts: { type: 'flag', description: 'infer: a table of what was seen, on standard error.' },
      nested: {
        type: 'text',
        placeholder: 'HOW',
        choices: ['struct', 'json'],
        default: 'struct',
        description: 'infer: objects that are alike have their fields declared, or all is JSON text.',
      },
      'enum-max': {
        type: 'integer',
        placeholder: 'N',
        default: '0',
        description: 'infer: text of at most N different words is an enumeration.',
      },
      formats: { type: 'flag', description: 'infer: recognise dates that are not ISO 8601.' },
      ...OUTPUT_OPTIONS,
    },
    examples: [
      {
        command: 'tierfall schema infer events.ndjson --counts > v1.json',
        description: 'A first schema, to be read and mended',
      },
      {
        command: 'tierfall schema check events.ndjson --schema v1.json',
        description: 'Which fields drifted, how often, and to what',
      },
      { command: 'tierfall schema diff v1.json v2.json', description: 'May the new version be deployed?' },
    ],
  },
  async ({ options, positionals }, context: CliContext) => {
    const [action = '', ...files] = positionals;
    const terminal = terminalOf(context, options.json);
    if (action === 'diff') return await diffFiles(files, terminal, context, options.json);
    const [file = '', extra] = files;
    if (extra !== undefined)
      throw new UsageError(`schema ${action} takes one file`, 'Run "tierfall schema --help".');
    if (action === 'infer') return await inferFromFile(file, options, context);
    if (action === 'check') return await checkFile(file, options, terminal, context);
    throw new UsageError(`schema cannot ${JSON.stringify(action)}`, `It can ${ACTIONS.join(', ')}.`);
  },
);
