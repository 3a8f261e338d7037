import { expect, it } from 'vitest';
import { runOrSkip } from './campaigns.ts';

it('loses nothing on a disk that becomes read-only, says so, and goes on when it can be written', async (context) => {
  const { code, output } = await runOrSkip(context, 'read-only', ['--rounds', '2']);
  expect(output).toContain('covered: 2 rounds');
  expect(code, output).toBe(0);
});
