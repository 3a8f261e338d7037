import { rmSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

// Both builds below write here at the same time, so that neither may clean: one would delete what the other wrote.
rmSync('dist', { recursive: true, force: true });

const library = { index: 'src/index.ts', testing: 'src/testing/index.ts' };

const shared: Options = {
  outDir: 'dist',
  target: 'node22',
  platform: 'node',
  sourcemap: true,
  // node:sqlite exists only with its prefix, which tsup strips by default.
  removeNodeProtocol: false,
  dts: { entry: library },
};

export default defineConfig([
  // One ESM build for library and command, so that both see the same classes.
  { ...shared, format: 'esm', splitting: true, entry: { ...library, tierfall: 'src/cli/tierfall.ts' } },
  { ...shared, format: 'cjs', splitting: true, entry: library },
]);
