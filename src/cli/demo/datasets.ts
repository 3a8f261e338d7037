/**
 * The demo's own data: two releases of the `vega-datasets` package, in which the same tables drifted for real.
 * They are development dependencies, so an installed package has to be given a file instead.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../args.ts';
import { type ChainPlan, type DemoFormat, layItems, type PlannedFeed, planFeed, type Shares } from './plan.ts';
import { FLIGHTS_SCHEMA, MOVIES_SCHEMA, WEATHER_SCHEMA } from './schemas.ts';
import type { Script } from './script.ts';

const BATCH_ROWS = 50;

/** `node_modules` of this package or of one above it, with both releases in it. */
function findReleases(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    const modules = join(at, 'node_modules');
    if (['v1', 'v3'].every((release) => existsSync(join(modules, `vega-datasets-${release}`)))) return modules;
    if (dirname(at) === at) break;
  }
  throw new UsageError(
    'the data of the demo is not part of the installed package',
    'Tell the story on a file of yours: tierfall demo --input FILE (csv, json or ndjson).',
  );
}

interface Source {
  readonly id: string;
  readonly chain: string;
  readonly release: 'v1' | 'v3';
  readonly name: string;
  readonly format: DemoFormat;
  /** Records to use. @default all */
  readonly records?: number;
}

const SOURCES: readonly Source[] = [
  { id: 'weather-v1', chain: 'weather', release: 'v1', name: 'seattle-weather.csv', format: 'csv' },
  { id: 'flights-v1', chain: 'flights', release: 'v1', name: 'flights-5k.json', format: 'json' },
  { id: 'movies-v1', chain: 'movies', release: 'v1', name: 'movies.json', format: 'json' },
  { id: 'movies-v3', chain: 'movies', release: 'v3', name: 'movies.json', format: 'json' },
  { id: 'weather-v3', chain: 'weather', release: 'v3', name: 'weather.csv', format: 'csv' },
  {
    id: 'strays',
    chain: 'movies',
    release: 'v3',
    name: 'flights-2k.json',
    format: 'json',
    records: 4 * BATCH_ROWS,
  },
];

const SHARES: Shares = [
  ['clean', 'weather-v1', 'rest'],
  ['clean', 'flights-v1', 28],
  ['drift', 'movies-v1', 'rest'],
  ['drift', 'movies-v3', 22],
  ['drift', 'weather-v3', 14],
  ['foreign', 'strays', 'rest'],
  ['outage', 'movies-v3', 32],
  ['outage', 'flights-v1', 42],
  ['outage', 'weather-v3', 32],
  ['back', 'movies-v3', 'rest'],
  ['back', 'flights-v1', 'rest'],
  ['back', 'weather-v3', 'rest'],
];

const CHAINS: readonly Omit<ChainPlan, 'dir'>[] = [
  // Release 3 renamed 12 of 16 columns: 24 of its 28 cells do not match, and all of it can be coerced.
  { name: 'movies', table: 'movies', schema: MOVIES_SCHEMA, tolerance: 0.9 },
  { name: 'weather', table: 'weather', schema: WEATHER_SCHEMA, tolerance: 0.25 },
  { name: 'flights', table: 'flights', schema: FLIGHTS_SCHEMA, tolerance: 0.25 },
];

/** @throws UsageError when the two releases are not installed */
export async function datasetScript(out: string): Promise<Script> {
  const modules = findReleases();
  const feeds: PlannedFeed[] = [];
  for (const { release, name, records, ...source } of SOURCES) {
    const file = join(modules, `vega-datasets-${release}`, 'data', name);
    const label = `vega-datasets ${release === 'v1' ? '1.31.1' : '3.2.1'} ${name}`;
    feeds.push(await planFeed({ ...source, file, label, batchRows: BATCH_ROWS }, records ? { records } : {}));
  }
  return {
    about:
      'Two releases of the vega-datasets package: the same tables, and a schema that really drifted. No network is used.',
    chains: CHAINS.map((chain) => ({ ...chain, dir: join(out, chain.name) })),
    feeds,
    items: layItems(feeds, SHARES),
    words: {
      clean: `Release 1.31.1: ${count(feeds, 'weather-v1')} days of weather in Seattle (csv) and flights (json) are as the tables expect.`,
      drift:
        'movies.json of 1.31.1 has nine numeric titles, 3.2.1 renamed 12 of its 16 columns, and weather.csv of 3.2.1 has one column more. The rows land under strict coercion, and every changed cell is written down.',
      foreign: `${count(feeds, 'strays')} flights are sent to the movies by mistake. Not one column fits: that is beyond any tolerance, so nothing is guessed.`,
    },
  };
}

function count(feeds: readonly PlannedFeed[], id: string): string {
  return (feeds.find((feed) => feed.id === id)?.records ?? 0).toLocaleString('en-US');
}
