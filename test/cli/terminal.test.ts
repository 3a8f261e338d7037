import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textWidth, visible } from '../../src/cli/printable.ts';
import { createTerminal, type Terminal, type TerminalOptions } from '../../src/cli/terminal.ts';

interface Screen {
  readonly terminal: Terminal;
  readonly out: string[];
  readonly err: string[];
  tick(ms: number): void;
}

function screen(options: Partial<TerminalOptions> = {}, columns = 80): Screen {
  const [out, err]: [string[], string[]] = [[], []];
  let nowMs = 5_000;
  const terminal = createTerminal({
    stdout: {
      write: (text) => out.push(text),
      columns: options.isTty ? columns : undefined,
      isTTY: options.isTty,
    },
    stderr: { write: (text) => err.push(text), columns },
    isTty: false,
    json: false,
    clock: { now: () => nowMs, wallNow: () => nowMs },
    env: {},
    ...options,
  });
  function tick(ms: number): void {
    nowMs += ms;
  }
  return { terminal, out, err, tick };
}

const ESCAPE = '\u001b';
const plain = (text: string): string => text.replaceAll(new RegExp(`${ESCAPE}\\[[0-9;]*[A-Za-z]|\\r`, 'g'), '');

describe('progress on a terminal', () => {
  it('draws at most 10 times a second, and the last state always', () => {
    const { terminal, err, tick } = screen({ isTty: true });
    const progress = terminal.progress('movies', { total: 1_000 });
    for (let done = 1; done <= 1_000; done += 1) {
      tick(2);
      progress.update(done);
    }
    progress.finish();
    expect(err.length).toBeLessThanOrEqual(22);
    expect(plain(err.at(-1) ?? '')).toContain('100 %  1,000/1,000 rows  500/s  2.0 s\n');
  });

  it('shows rate and time to go', () => {
    const { terminal, err, tick } = screen({ isTty: true }, 100);
    const progress = terminal.progress('movies', { total: 3_201 });
    for (const done of [100, 200, 300]) {
      tick(1_000);
      progress.update(done, { deferred: 12 });
    }
    expect(plain(err.at(-1) ?? '')).toBe(
      'movies  ██░░░░░░░░░░░░░░░░░░░░░░  9 %  300/3,201 rows  100/s  29.0 s to go  deferred 12',
    );
  });

  it('never draws wider than the terminal', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 120 }),
        fc.string({ unit: 'grapheme' }),
        fc.nat(),
        (columns, label, total) => {
          const { terminal, err } = screen({ isTty: true }, columns);
          terminal.progress(label, { total }).finish(total, { [label]: label });
          for (const text of err) expect(textWidth(plain(text).trimEnd())).toBeLessThan(columns);
        },
      ),
    );
  });

  it('prints notes above the line and draws it again', () => {
    const { terminal, out, err } = screen({ isTty: true });
    const progress = terminal.progress('movies');
    progress.update(1);
    terminal.note('the circuit opened');
    expect(out).toEqual(['the circuit opened\n']);
    expect(err).toHaveLength(3);
    expect(err[2]).toBe(err[0]);
    progress.finish();
    terminal.note('done');
    expect(err).toHaveLength(4);
  });

  it('uses no colour when NO_COLOR is set, and no live line on a dumb terminal', () => {
    const colour = (env: Record<string, string>): string => {
      const { terminal, out, err } = screen({ isTty: true, env });
      terminal.scene('one');
      terminal.progress('x', { total: 2 }).finish(1);
      return [...out, ...err].join('');
    };
    expect(colour({})).toContain(`${ESCAPE}[36m`);
    expect(colour({ NO_COLOR: '1' })).not.toContain(`${ESCAPE}[36m`);
    expect(colour({ NO_COLOR: '1' })).not.toContain(`${ESCAPE}[1m`);
    expect(colour({ TERM: 'dumb' })).not.toContain(ESCAPE);
    expect(colour({ LC_ALL: 'C' })).toContain('############------------');
  });

  it('does nothing after it was finished', () => {
    const { terminal, err, tick } = screen({ isTty: true });
    const progress = terminal.progress('x');
    progress.finish(3);
    tick(5_000);
    progress.update(9);
    progress.finish();
    expect(err).toHaveLength(1);
  });
});

describe('progress elsewhere', () => {
  it('is one JSON line per second on stderr, so that stdout stays clean', () => {
    const { terminal, out, err, tick } = screen();
    const progress = terminal.progress('movies', { total: 100 });
    for (let done = 0; done <= 30; done += 1) {
      progress.update(done, { type: 'forged' });
      tick(100);
    }
    progress.finish(100);
    expect(out).toEqual([]);
    const lines = err.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(5);
    expect(lines[1]).toEqual({
      type: 'progress',
      time: '1970-01-01T00:00:06.000Z',
      label: 'movies',
      done: 10,
      total: 100,
      unit: 'rows',
      elapsed_ms: 1000,
      rate_per_s: 10,
      eta_ms: 9000,
      finished: false,
      details: { type: 'forged' },
    });
    expect(lines.at(-1)).toMatchObject({ done: 100, finished: true, rate_per_s: 32 });
  });

  it('is on stdout with --json, like everything else, also on a terminal', () => {
    const { terminal, out, err } = screen({ isTty: true, json: true });
    terminal.scene('one');
    terminal.note('two\nlines');
    terminal.table([{ a: 1 }], 'three');
    terminal.progress('four').finish(1);
    expect(err).toEqual([]);
    expect(out.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual([
      'scene',
      'note',
      'table',
      'progress',
    ]);
    for (const line of out) expect(line.indexOf('\n')).toBe(line.length - 1);
  });
});

describe('tables', () => {
  it('align columns, numbers to the right', () => {
    const { terminal, out } = screen();
    terminal.table(
      [
        { tier: 'primary', rows: 12_345, note: 'é' },
        { tier: 'raw-persist', rows: 7, note: undefined },
      ],
      'Ledger',
    );
    expect(out.join('')).toBe(
      'Ledger\ntier           rows  note\n-----------  ------  ----\nprimary      12,345  é\nraw-persist       7\n',
    );
  });

  it('fit a terminal by shortening the widest column, and are whole in a pipe', () => {
    const rows = [{ ref: 'x'.repeat(200), rows: 1 }];
    const narrow = screen({ isTty: true, env: { NO_COLOR: '1' } }, 40);
    narrow.terminal.table(rows);
    for (const line of narrow.out.join('').split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(40);
    const pipe = screen();
    pipe.terminal.table(rows);
    expect(pipe.out.join('')).toContain('x'.repeat(200));
  });

  it('say so when there are no rows', () => {
    const { terminal, out } = screen();
    terminal.table([]);
    expect(out).toEqual(['(none)\n']);
  });
});

describe('data on a terminal', () => {
  it('never sends a control character, a direction mark or a second line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
        const { terminal, out } = screen();
        terminal.table([{ [text]: text }]);
        expect(out.join('').match(/\n/g)?.length).toBe(3);
      }),
    );
  });

  it('shows what it hides', () => {
    expect(visible('a\u001b[2Jb\n\u202e')).toBe('a\\x1b[2Jb\\n\\u{202e}');
  });
});
