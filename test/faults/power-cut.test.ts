import { describe, expect, it } from 'vitest';
import { runOrSkip } from './campaigns.ts';

/** `npm run faults -- powercut` makes a hundred of them. */
describe('a power cut while a pipeline writes', { timeout: 120_000 }, () => {
  it('takes nothing that was acknowledged by the journal', async (context) => {
    const { code, output } = await runOrSkip(context, 'powercut', ['--cuts', '4']);
    expect(output).toContain('4 cuts, ');
    expect(code, output).toBe(0);
  });

  it('takes nothing that was acknowledged by the store', async (context) => {
    const { code, output } = await runOrSkip(context, 'powercut', ['--cuts', '3', '--durability', 'store']);
    expect(output).toContain('3 cuts, ');
    expect(code, output).toBe(0);
  });

  it('is seen to take what was acknowledged and never synced', async (context) => {
    const { code, output } = await runOrSkip(context, 'powercut', ['--cuts', '2', '--lie', 'no-datasync']);
    expect(output).toContain('acknowledged and not in the sink');
    expect(code, output).toBe(1);
  });
});
