import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChainGraph } from '../../src/chain/chain.ts';
import { html } from '../../src/cli/html.ts';
import { type ReportInput, renderReport, type TimelinePoint } from '../../src/cli/report.ts';
import { ticks, timelineSvg } from '../../src/cli/report-chart.ts';
import { chainSvg } from '../../src/cli/report-graph.ts';

const GRAPH: ChainGraph = {
  entry: 'primary',
  tiers: [
    { name: 'raw-persist', kind: 'raw-persist', lands: 'deferred' },
    { name: 'schema-coerce', kind: 'schema-coerce', lands: 'delivered' },
    { name: 'primary', kind: 'primary', lands: 'delivered' },
  ],
  edges: [
    { from: 'primary', to: 'schema-coerce', reasons: ['schema-mismatch'] },
    { from: 'primary', to: 'raw-persist', reasons: ['unavailable', 'otherwise'] },
    { from: 'schema-coerce', to: 'raw-persist', reasons: ['otherwise'] },
    { from: 'raw-persist', to: 'REJECT', reasons: ['otherwise'] },
  ],
};

function point(atMs: number, counts: Partial<TimelinePoint> = {}): TimelinePoint {
  return { atMs, delivered: 0, degraded: 0, replayed: 0, deferred: 0, quarantined: 0, rejected: 0, ...counts };
}

const INPUT: ReportInput = {
  title: 'A run',
  graph: GRAPH,
  timeline: [
    point(0),
    point(1_000, { delivered: 60, deferred: 40 }),
    point(2_000, { delivered: 60, replayed: 40 }),
  ],
  loss: {
    entries: [
      {
        field: 'Title',
        kind: 'nulled',
        lossless: false,
        count: 4,
        samples: [{ row: 1, before: 'x', after: 'null' }],
      },
    ],
    cells: 4,
    cellsTotal: 90,
  },
  ledger: [
    {
      title: 'Submitted',
      total: { label: 'in', records: 100 },
      parts: [
        { label: 'delivered', records: 60 },
        { label: 'deferred', records: 40 },
      ],
    },
  ],
  completeness: [{ ref: 'a.parquet', records: 40, found: 40, missing: [] }],
  files: [{ path: 'x.db', bytes: 2_048, description: 'The sink.' }],
  scenes: [{ title: 'An outage', text: 'The network is cut.', atMs: 1_000 }],
  howToLook: ['Look:', '$ tierfall verify'],
};

describe('report', () => {
  it('allows exactly its own style sheet and nothing else (W2)', () => {
    const page = renderReport(INPUT);
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(
      `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
    );
    expect(page).not.toMatch(
      /<script|<img|<link|<iframe|<object| src=| href=| style=| on\w+=|url\(http|@import/i,
    );
  });

  it('says balanced only when every equation adds up and nothing is missing (W1)', () => {
    expect(renderReport(INPUT)).toContain('Every one of 100 records is accounted for.');
    expect(renderReport(INPUT)).not.toContain('NOT balanced');
    const [equation] = INPUT.ledger;
    const lost = renderReport({
      ...INPUT,
      ledger: equation ? [{ ...equation, total: { label: 'in', records: 103 } }] : [],
    });
    expect(lost).toContain('<strong>NOT balanced.</strong> Submitted: 3 records unaccounted for.');
    const double = renderReport({
      ...INPUT,
      ledger: equation ? [{ ...equation, total: { label: 'in', records: 98 } }] : [],
    });
    expect(double).toContain('NOT balanced: −2');
    const missing = renderReport({
      ...INPUT,
      completeness: [{ ref: 'a', records: 40, found: 38, missing: ['k-1'] }],
    });
    expect(missing).toContain('2 stored records not found again');
    expect(missing).toContain('k-1');
    expect(renderReport({ ...INPUT, ledger: [] })).toContain('there is no ledger');
  });

  it('shows any text only as text', () => {
    const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>\'&\u0000';
    const page = renderReport({
      ...INPUT,
      title: evil,
      summary: evil,
      chainMermaid: evil,
      graph: {
        entry: evil,
        tiers: [{ name: evil, kind: evil, lands: evil }],
        edges: [{ from: evil, to: evil + evil, reasons: [evil] }],
      },
      loss: {
        cells: 1,
        cellsTotal: 1,
        entries: [
          {
            field: evil,
            kind: evil,
            lossless: true,
            count: 1,
            samples: [{ row: 0, before: evil, after: evil }],
          },
        ],
      },
      ledger: [{ title: evil, total: { label: evil, records: 1 }, parts: [{ label: evil, records: 1 }] }],
      completeness: [{ ref: evil, records: 1, found: 0, missing: [evil] }],
      files: [{ path: evil, description: evil }],
      scenes: [{ title: evil, text: evil, atMs: 5 }],
      howToLook: [evil, `$ ${evil}`],
    });
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<img');
    expect(page).not.toContain('\u0000');
  });

  it('shows how large the errors of rounded numbers were, and what was refused', () => {
    const rounded = {
      field: 'price',
      kind: 'rounded',
      lossless: false,
      count: 5,
      samples: [{ row: 3, before: '1.005', after: '1' }],
      error: { max: 0.4, decades: [[-3, 1] as const, [-1, 4] as const] },
    };
    const refused = [
      { field: 'id', kind: 'null', count: 2, samples: [{ row: 7, before: 'null' }] },
      { field: 'at <b>', kind: 'format', count: 9, samples: [{ row: 1, before: '"soon"' }] },
    ];
    const loss = { entries: [...INPUT.loss.entries, rounded], cells: 9, cellsTotal: 90, refused };
    const page = renderReport({ ...INPUT, loss });
    expect(page).toContain('<th scope="col">Largest error</th>');
    expect(page).toContain('0.4  1e-3 ▂ █ 1e-1');
    expect(page).toContain('What no rule could take');
    expect(page).toContain('11 cells.');
    expect(page.indexOf('at &lt;b&gt;')).toBeLessThan(page.indexOf('<th scope="row">id</th>'));
    expect(page).toContain('<code>null</code>');
    expect(renderReport(INPUT)).not.toContain('Largest error');
    const nothing = renderReport({ ...INPUT, loss: { entries: [], cells: 0, cellsTotal: 90, refused } });
    expect(nothing).toContain('No cell was changed.');
    expect(nothing).toContain('What no rule could take');
  });

  it('keeps all tags in pairs, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, n) => {
        const page = renderReport({
          ...INPUT,
          title: text,
          scenes: [{ title: text, text, atMs: n }],
          howToLook: [text],
        });
        const stack: string[] = [];
        for (const [, close, tag = '', self] of page
          .replace(/<style>[\s\S]*?<\/style>/, '')
          .matchAll(/<(\/?)([a-z0-9]+)[^>]*?(\/?)>/gi)) {
          if (tag === 'meta' || self === '/') continue;
          if (close === '/') expect(stack.pop()).toBe(tag);
          else stack.push(tag);
        }
        expect(stack).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it('gives the same bytes for the same input (W3)', () => {
    expect(renderReport(INPUT)).toBe(renderReport(structuredClone(INPUT)));
  });

  it('can be made of nothing', () => {
    const page = renderReport({
      ...INPUT,
      timeline: [],
      loss: { entries: [], cells: 0, cellsTotal: 0 },
      completeness: [],
      files: [],
      scenes: [],
      howToLook: [],
    });
    expect(page).toContain('No samples were taken.');
    expect(page).toContain('No cell was changed.');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('stays small for a long run', () => {
    const timeline = Array.from({ length: 100_000 }, (_, i) => point(i, { delivered: i, deferred: i % 100 }));
    expect(renderReport({ ...INPUT, timeline }).length).toBeLessThan(80_000);
  });
});

describe('drawing of a chain', () => {
  it('puts each tier below and to the right of all that lead to it', () => {
    const svg = chainSvg(GRAPH).text;
    const boxes = [...svg.matchAll(/<rect x="(\d+)" y="(\d+)"[^>]*\/><text class="name"[^>]*>([^<]+)/g)].map(
      ([, x, y, name]) => ({ x: Number(x), y: Number(y), name }),
    );
    expect(boxes.map(({ name }) => name)).toEqual(['primary', 'schema-coerce', 'raw-persist', 'REJECT']);
    for (const [i, box] of boxes.entries()) {
      expect(box.x).toBeGreaterThan(boxes[i - 1]?.x ?? 0);
      expect(box.y).toBeGreaterThan(boxes[i - 1]?.y ?? 0);
    }
  });

  it('draws every reason of every edge inside the picture', () => {
    const svg = chainSvg(GRAPH).text;
    const [, width = 0, height = 0] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)?.map(Number) ?? [];
    expect(svg.match(/class="edge"/g)).toHaveLength(4);
    for (const [, x, y] of svg.matchAll(/<tspan x="([\d.]+)" y="([\d.]+)"/g)) {
      expect(Number(x)).toBeLessThan(width);
      expect(Number(y)).toBeLessThan(height);
    }
    expect(svg).toContain('unavailable, otherwise');
  });

  it('ends also for a graph with a cycle', () => {
    const edges = [
      { from: 'primary', to: 'raw-persist', reasons: [] },
      { from: 'raw-persist', to: 'primary', reasons: ['x'] },
    ];
    expect(chainSvg({ ...GRAPH, edges }).text).toContain('raw-persist');
  });
});

describe('drawing over time', () => {
  it('stacks to the total at the top tick or below it, for any counts', () => {
    const counts = fc.record({ delivered: fc.nat(1e6), deferred: fc.nat(1e6), rejected: fc.nat(10) });
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 20 }), (list) => {
        const svg = timelineSvg(
          list.map((count, i) => point(i * 700, count)),
          [],
        ).text;
        expect(svg).not.toMatch(/NaN|undefined|Infinity/);
        const ys = [...svg.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, , y]) => Number(y));
        for (const y of ys) expect(y >= 18 && y <= 296).toBe(true);
      }),
    );
  });

  it('marks scenes by number and leaves out series that never occur', () => {
    const svg = timelineSvg(INPUT.timeline, INPUT.scenes).text;
    expect(svg).toContain('<title>1. An outage</title>');
    expect(svg).toContain('class="area replayed"');
    expect(svg).not.toContain('class="area rejected"');
  });

  it.each([
    [1, [0, 1]],
    [7, [0, 2, 4, 6]],
    [19_353, [0, 5_000, 10_000, 15_000]],
  ])('has whole ticks for %d', (max, expected) => {
    expect(ticks(max, 5).filter(Number.isInteger)).toEqual(expected);
  });
});

describe('html', () => {
  it('escapes values, keeps nested markup, joins lists and drops undefined', () => {
    const nested = html`<b>${'<'}</b>`;
    expect(html`<p class="${'"'}">${nested}${['a', nested]}${undefined}${3}</p>`.text).toBe(
      '<p class="&quot;"><b>&lt;</b>a<b>&lt;</b>3</p>',
    );
  });
});
