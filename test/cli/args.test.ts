import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { defineCommand, type Invocation, parseCommand, UsageError } from '../../src/cli/args.ts';
import { type CommandSpec, commandHelp } from '../../src/cli/help.ts';
import { nearest } from '../../src/cli/nearest.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE, runProgram } from '../../src/cli/program.ts';
import { ConfigError, StorageError } from '../../src/core/errors.ts';

const RUN = {
  name: 'run',
  summary: 'Writes files into a sink.',
  description: ['Each batch goes through the chain until somebody durably owns every record of it.'],
  positionals: [{ name: 'input', description: 'Files to read; "-" is standard input.', many: true }],
  options: {
    dir: { type: 'text', short: 'd', placeholder: 'PATH', required: true, description: 'Data directory.' },
    format: {
      type: 'text',
      short: 'f',
      choices: ['ndjson', 'csv'],
      default: 'ndjson',
      description: 'Format of the input.',
    },
    'batch-rows': {
      type: 'integer',
      placeholder: 'N',
      default: '500',
      min: 1,
      description: 'Records per batch.',
    },
    'batch-bytes': { type: 'bytes', default: '1MiB', description: 'Bytes per batch.' },
    timeout: {
      type: 'duration',
      description: 'Deadline of one call to the sink, counted from the first byte that was sent to it.',
    },
    header: { type: 'text', many: true, placeholder: 'NAME=VALUE', description: 'A header to send.' },
    'a-very-long-name-of-an-option': { type: 'text', description: 'Has a line of its own.' },
    json: { type: 'flag', description: 'One JSON line per message.' },
  },
  examples: [{ command: 'tierfall run movies.json --dir data', description: 'Writes one file.' }],
} as const satisfies CommandSpec;

const parse = (...args: readonly string[]): Invocation<(typeof RUN)['options']> =>
  parseCommand('tierfall', RUN, args);

/** What a call throws. */
function thrown(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

describe('arguments', () => {
  it('gives every option its value, by type, with defaults', () => {
    expect({
      ...parse('a.json', '-d', 'x', '-', '--timeout=1.5s', '--header', 'a=1', '--header=b=2').options,
    }).toEqual({
      dir: 'x',
      format: 'ndjson',
      'batch-rows': 500,
      'batch-bytes': 1_048_576,
      timeout: 1_500,
      header: ['a=1', 'b=2'],
      'a-very-long-name-of-an-option': undefined,
      json: false,
    });
    expect(parse('a.json', '-d', 'x', '-').positionals).toEqual(['a.json', '-']);
  });

  it('knows the type of each value', () => {
    type Options = Invocation<(typeof RUN)['options']>['options'];
    expectTypeOf<Options['dir']>().toEqualTypeOf<string>();
    expectTypeOf<Options['format']>().toEqualTypeOf<'ndjson' | 'csv'>();
    expectTypeOf<Options['timeout']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Options['header']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Options['json']>().toEqualTypeOf<boolean>();
  });

  it('takes everything behind -- as it is', () => {
    expect(parse('--dir', 'x', '--', '--json', '-x').positionals).toEqual(['--json', '-x']);
  });

  it.each([
    [['a', '--dri', 'x'], 'option --dri is not known', 'Did you mean --dir?'],
    [['a', '--dir', 'x', '--batchrows', '5'], 'option --batchrows is not known', 'Did you mean --batch-rows?'],
    [['a', '--dir', 'x', '--zzzzzz'], 'option --zzzzzz is not known', 'Run "tierfall run --help".'],
    [['a', '--dir', 'x', '--__proto__', 'y'], 'option --__proto__ is not known', ''],
    [['a', '--dir', 'x', '-z'], 'option -z is not known', ''],
    [['a'], '--dir is required', ''],
    [['a', '--dir'], '--dir needs a value (PATH)', ''],
    [['a', '--dir', '--json'], '--dir needs a value (PATH)', ''],
    [['a', '--dir', 'x', '-d', 'y'], '--dir is given 2 times', ''],
    [['a', '--dir', 'x', '--json=yes'], '--json takes no value, found "yes"', ''],
    [['--dir', 'x'], '<input> is missing', ''],
  ])('refuses %j', (args, message, hint) => {
    const error = thrown(() => parse(...args));
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
  });

  it('refuses an argument too many', () => {
    const spec = { ...RUN, positionals: [{ name: 'input', description: 'A file.' }] };
    expect(thrown(() => parseCommand('tierfall', spec, ['a', 'b', '-d', 'x']))).toMatchObject({
      message: '"b" is one argument too many',
    });
  });

  it.each([
    ['--batch-rows', '0', 'a whole number, at least 1'],
    ['--batch-rows', '1.5', 'a whole number'],
    ['--batch-rows', '-3', 'a whole number'],
    ['--batch-rows', '99999999999999999', 'a whole number'],
    ['--batch-bytes', '10 parsecs', 'bytes'],
    ['--timeout', '5', 'a duration'],
    ['--timeout', 'soon', 'a duration'],
    ['--format', 'xml', 'one of ndjson, csv'],
  ])('refuses %s %s and says what was expected', (name, value, expected) => {
    const error = thrown(() => parse('a', '-d', 'x', name, value));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ path: name });
    expect((error as Error).message).toContain(`found ${JSON.stringify(value)}, expected ${expected}`);
  });

  it.each([
    ['0', 0],
    ['512', 512],
    ['64KiB', 65_536],
    ['64 kib', 65_536],
    ['1.5MB', 1_500_000],
    ['2GiB', 2_147_483_648],
  ])('reads %s as %d bytes', (text, bytes) => {
    expect(parse('a', '-d', 'x', '--batch-bytes', text).options['batch-bytes']).toBe(bytes);
  });

  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ])('reads %s as %d milliseconds', (text, ms) => {
    expect(parse('a', '-d', 'x', '--timeout', text).options.timeout).toBe(ms);
  });

  it('either gives values or refuses, whatever it is given', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('--dir', '-d', 'x', '--json', '--', '-', '--batch-rows', '5', '--header=', '-dx'),
    );
    fc.assert(
      fc.property(fc.array(word), (args) => {
        const result = thrown(() => parse(...args));
        if (result instanceof Error)
          expect(result instanceof UsageError || result instanceof ConfigError).toBe(true);
        else expect(typeof (result as ReturnType<typeof parse>).options.dir).toBe('string');
      }),
    );
  });
});

describe('nearest name', () => {
  it.each([
    ['vreify', 'verify'],
    ['demos', 'demo'],
    ['rn', 'run'],
    ['quarantin', 'quarantine'],
    ['xyzzy', undefined],
  ])('for %s is %s', (typed, expected) => {
    expect(nearest(typed, ['run', 'demo', 'verify', 'quarantine'])).toBe(expected);
  });
});

describe('help', () => {
  const page = commandHelp('tierfall', RUN);

  it('fits into 80 columns', () => {
    for (const line of page.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('shows usage, every option with its default, and the examples', () => {
    expect(page).toMatchInlineSnapshot(`
      "Usage: tierfall run [options] <input>...

      Writes files into a sink.

      Each batch goes through the chain until somebody durably owns every record of
      it.

      Arguments:
        <input>  Files to read; "-" is standard input.

      Options:
        -d, --dir PATH                Data directory. (required)
        -f, --format TEXT             Format of the input. (one of ndjson, csv;
                                      default: ndjson)
            --batch-rows N            Records per batch. (default: 500)
            --batch-bytes BYTES       Bytes per batch. (default: 1MiB)
            --timeout DURATION        Deadline of one call to the sink, counted from
                                      the first byte that was sent to it.
            --header NAME=VALUE       A header to send. (may be repeated)
            --a-very-long-name-of-an-option TEXT
                                      Has a line of its own.
            --json                    One JSON line per message.
        -h, --help                    Show this page.

      Examples:
        # Writes one file.
        $ tierfall run movies.json --dir data
      "
    `);
  });
});

describe('program', () => {
  const spec = {
    name: 'tierfall',
    version: '1.2.3',
    summary: 'Keeps pipelines writing.',
    sections: [{ title: 'Exit codes', rows: [['2', 'usage']] as const }],
  };

  async function program(
    args: readonly string[],
    run: () => Promise<number> = async () => 7,
  ): Promise<{ code: number; out: string; err: string }> {
    const [out, err]: [string[], string[]] = [[], []];
    const commands = [
      defineCommand(RUN, run),
      defineCommand({ name: 'verify', summary: 'Checks the ledger.', options: {}, examples: [] }, run),
    ];
    const output = {
      stdout: (text: string) => void out.push(text),
      stderr: (text: string) => void err.push(text),
    };
    const code = await runProgram(spec, commands, args, undefined, output);
    return { code, out: out.join(''), err: err.join('') };
  }

  it('gives the exit code of the command', async () => {
    expect(await program(['verify'])).toEqual({ code: 7, out: '', err: '' });
  });

  it.each([[['--help']], [['-h']], [['help']]])('lists all commands for %j', async (args) => {
    const { code, out, err } = await program(args);
    expect([code, err]).toEqual([EXIT_OK, '']);
    expect(out).toContain('  run     Writes files into a sink.');
    expect(out).toContain('  verify  Checks the ledger.');
    expect(out).toContain('Exit codes:');
  });

  it.each([[['help', 'run']], [['run', '--help']], [['run', '--nonsense', '-h']]])(
    'explains a command for %j',
    async (args) => {
      const { code, out } = await program(args);
      expect([code, out]).toEqual([EXIT_OK, commandHelp('tierfall', RUN)]);
    },
  );

  it('shows its version', async () => {
    expect(await program(['--version'])).toEqual({ code: EXIT_OK, out: '1.2.3\n', err: '' });
  });

  it('exits with 2 for an unknown command and offers the nearest', async () => {
    const { code, out, err } = await program(['verfy']);
    expect([code, out]).toEqual([EXIT_USAGE, '']);
    expect(err).toContain('Did you mean verify?');
  });

  it('exits with 2 without a command or with a bad option, and does nothing', async () => {
    const never = (): Promise<number> => Promise.reject(new Error('ran'));
    expect((await program([], never)).err).toContain('a command is missing');
    const bad = await program(['verify', '--nope'], never);
    expect([bad.code, bad.err]).toEqual([EXIT_USAGE, expect.stringContaining('option --nope is not known')]);
  });

  it('exits with 1 for a failure and shows message, hint and code, but no stack and no secret', async () => {
    const error = new StorageError('STORAGE_DENIED', 'cannot open s3://user:canary-1@host/b', {
      hint: 'Check token=canary-2.',
    });
    const { code, err } = await program(['verify'], () => Promise.reject(error));
    expect(code).toBe(EXIT_FAILED);
    expect(err).toBe(
      'tierfall: cannot open s3://[redacted]@host/b\n  hint: Check token=[redacted] [STORAGE_DENIED]\n',
    );
  });

  it('shows the stack of a defect', async () => {
    const { code, err } = await program(['verify'], () => Promise.reject(new TypeError('oops')));
    expect(code).toBe(EXIT_FAILED);
    expect(err).toMatch(/^tierfall: unexpected TypeError: oops\n\s+at /);
  });
});
