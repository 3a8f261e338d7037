/** Oldest Node that runs TypeScript sources directly and has everything the package uses: major, minor. */
const OLDEST = [22, 18] as const;

/** Says which Node this is; ends the process with code 2 when it is too old for the project. */
export function requireNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  process.stdout.write(`Node ${process.versions.node} (${process.execPath})\n`);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  process.stderr.write(
    `Node ${OLDEST.join('.')} or newer is needed. Run this through npm, which uses the pinned one.\n`,
  );
  process.exit(2);
}
