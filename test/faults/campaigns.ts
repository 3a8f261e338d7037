/** Campaigns by name: what each needs, and the command that runs it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { whatIsMissing } from './loop-disk.ts';

const CAMPAIGNS = {
  journal: { file: 'test/journal/fault-campaign.ts', needs: undefined },
  powercut: { file: 'test/faults/power-cut.ts', needs: ['mkfs.xfs'] },
  'full-disk': { file: 'test/faults/fill-points.ts', needs: [] },
  'read-only': { file: 'test/faults/read-only.ts', needs: ['e2fsck'] },
} as const satisfies Record<string, { file: string; needs: readonly string[] | undefined }>;

export type Campaign = keyof typeof CAMPAIGNS;

export function isCampaign(name: string): name is Campaign {
  return Object.hasOwn(CAMPAIGNS, name);
}

export interface CampaignCommand {
  /** What this machine lacks for it, in words. */
  readonly missing: string | undefined;
  readonly program: string;
  readonly parameters: readonly string[];
}

/** @param root the directory of the project */
export function campaignCommand(name: Campaign, root: string): CampaignCommand {
  const { file, needs } = CAMPAIGNS[name];
  const script = join(root, file);
  if (needs === undefined) return { missing: undefined, program: process.execPath, parameters: [script] };
  const parameters = ['--mount', '--propagation', 'private', process.execPath, script];
  return { missing: whatIsMissing(needs), program: 'unshare', parameters };
}

/** A campaign as a part of a test; where it is not permitted the test is skipped, and one line says so. */
export async function runOrSkip(
  context: TestContext,
  name: Campaign,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const { missing, program, parameters } = campaignCommand(name, join(import.meta.dirname, '..', '..'));
  if (missing !== undefined) {
    process.stdout.write(`${name}: ${missing}, so this fault was not made\n`);
    context.skip();
  }
  return new Promise((resolve) => {
    const child = execFile(program, [...parameters, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, output: `${stdout}${stderr}` }),
    );
  });
}
