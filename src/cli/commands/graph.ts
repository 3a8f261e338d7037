import { defineCommand } from '../args.ts';
import type { CliContext } from '../context.ts';
import { openDescription } from '../describe.ts';
import { PIPELINE_OPTIONS } from '../shared-options.ts';

/** `tierfall graph`: the chain as Mermaid text. */
export const graphCommand = defineCommand(
  {
    name: 'graph',
    summary: 'Print the chain as a Mermaid flowchart.',
    description: ['Shows the tiers, and on each edge the reasons that lead along it.'],
    options: PIPELINE_OPTIONS,
    examples: [{ command: 'tierfall graph > chain.mmd', description: 'Keep the picture beside the code' }],
  },
  async ({ options }, context: CliContext) => {
    context.stdout.write((await openDescription(options, context.cwd)).toMermaid());
    return 0;
  },
);
