// JavaScript, because a Node too old for the project cannot read its TypeScript and would only say so in riddles.

/** Oldest Node that runs TypeScript sources directly and has everything the package uses: major, minor. */
const OLDEST = [22, 18];

const [major, minor] = process.versions.node.split('.').map(Number);
process.stdout.write(`Node ${process.versions.node} (${process.execPath})\n`);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    `Node ${OLDEST.join('.')} or newer is needed. npm scripts use the pinned one, which npm ci installs unless it is told to ignore scripts.\n`,
  );
  process.exit(2);
}
