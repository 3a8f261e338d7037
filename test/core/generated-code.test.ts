import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compileCode } from '../../src/core/generated-code.ts';

function generating(...flags: readonly string[]): { isGenerated: boolean; text: string } {
  const script = fileURLToPath(new URL('generating.ts', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [...flags, '--no-warnings', script], { encoding: 'utf8' }));
}

describe('generated code', () => {
  it('sees what it is given by name, and nothing of whoever asked for it', () => {
    expect(compileCode('return a + b;', { a: 1, b: 2 })).toBe(3);
    expect(compileCode('return typeof compileCode;', {})).toBe('undefined');
  });

  it('tells a fault of its text, instead of taking the way without', () => {
    expect(() => compileCode('return (;', {})).toThrow(SyntaxError);
    expect(() => compileCode('return a;', {})).toThrow(ReferenceError);
  });

  it('is done without where the host forbids it, by coercion, records and diff, with the same result', () => {
    const { isGenerated, text } = generating();
    expect(isGenerated).toBe(true);
    expect(text).toContain('"name":"n13"');
    expect(text).toContain('"load":12.25');
    expect(generating('--disallow-code-generation-from-strings')).toEqual({ isGenerated: false, text });
  });
});
