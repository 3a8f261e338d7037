/** Holds single source files against the table: their size, their functions, and what they may not say. */
import ts from 'typescript';
import { includes } from './imports.ts';
import type { ArchitectureTable } from './table.ts';

const AMBIENT_MEMBERS = new Set(['Date.now', 'Math.random', 'performance.now']);
const AMBIENT_CALLS = new Set(['setTimeout', 'setInterval']);
const TEST_BLOCKS = new Set(['bench', 'describe', 'it', 'suite', 'test']);
const TEST_SWITCHES = new Set(['only', 'skip', 'skipIf', 'runIf', 'todo', 'fails']);
const UNFINISHED = /\b(?:TODO|FIXME|XXX|HACK)\b/;

/** Every rule that the file breaks, one line each, as `path:line message`. `path` is relative to the repository. */
export function findSourceFaults(path: string, text: string, table: ArchitectureTable): readonly string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const faults: string[] = [];
  const at = (position: number): number => file.getLineAndCharacterOfPosition(position).line + 1;
  const say = (position: number, message: string): void => {
    faults.push(`${path}:${at(position)} ${message}`);
  };

  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (lines > table.fileLinesMax) say(0, `has ${lines} lines, the limit is ${table.fileLinesMax}`);
  for (const comment of commentsOf(file)) {
    if (UNFINISHED.test(comment.text)) say(comment.position, 'leaves something unfinished in a comment');
  }
  const guarded = path.startsWith('src/') && !includes(table.ambient, path.slice('src/'.length));
  const visit = (node: ts.Node): void => {
    const length = functionLength(node, at);
    if (length > table.functionLinesMax) {
      say(node.getStart(), `has a function of ${length} lines, the limit is ${table.functionLinesMax}`);
    }
    const ambient = guarded ? ambientName(node) : undefined;
    if (ambient !== undefined) say(node.getStart(), `uses ${ambient}; take a Clock or a Random`);
    const switched = testSwitch(node);
    if (switched !== undefined) say(node.getStart(), `uses .${switched} on a test`);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return faults;
}

interface Comment {
  readonly position: number;
  readonly text: string;
}

function commentsOf(file: ts.SourceFile): readonly Comment[] {
  const comments = new Map<number, Comment>();
  const collect = (node: ts.Node): void => {
    const start = node.getFullStart();
    // "Trailing" are those on the line of the token before, which the other call leaves out.
    const before = [
      ...(ts.getTrailingCommentRanges(file.text, start) ?? []),
      ...(ts.getLeadingCommentRanges(file.text, start) ?? []),
    ];
    for (const { pos, end } of before) comments.set(pos, { position: pos, text: file.text.slice(pos, end) });
    for (const child of node.getChildren(file)) collect(child);
  };
  collect(file);
  return [...comments.values()];
}

/** Lines from the first to the last of a function with a body; 0 for anything else, and for the block of a suite. */
function functionLength(node: ts.Node, at: (position: number) => number): number {
  if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined || isSuiteBlock(node)) return 0;
  return at(node.getEnd()) - at(node.getStart()) + 1;
}

// A suite is a list of tests, each a function of its own; the file's limit is what bounds it.
function isSuiteBlock(node: ts.Node): boolean {
  const { parent } = node;
  return ts.isCallExpression(parent) && ['describe', 'suite'].includes(rootName(parent.expression) ?? '');
}

function rootName(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) return rootName(node.expression);
  return undefined;
}

function ambientName(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const name = node.getText().replace(/^globalThis\./, '');
    return AMBIENT_MEMBERS.has(name) || AMBIENT_CALLS.has(name) ? name : undefined;
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length)
    return 'new Date()';
  if (!ts.isIdentifier(node) || !AMBIENT_CALLS.has(node.text)) return undefined;
  return isMemberName(node) ? undefined : node.text;
}

// `socket.setTimeout(0)` or a port's own method of that name starts no timer of ours.
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    (ts.isMethodSignature(parent) && parent.name === node) ||
    (ts.isMethodDeclaration(parent) && parent.name === node) ||
    (ts.isTypeQueryNode(parent) && parent.exprName === node)
  );
}

function testSwitch(node: ts.Node): string | undefined {
  if (!ts.isPropertyAccessExpression(node) || !TEST_SWITCHES.has(node.name.text)) return undefined;
  return TEST_BLOCKS.has(rootName(node.expression) ?? '') ? node.name.text : undefined;
}
