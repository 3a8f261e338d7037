/** The style of the report. Colours are those of Okabe and Ito, which stay apart for every kind of colour vision. */
export const REPORT_CSS = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #16202c; --quiet: #5a6675; --line: #d9dee5; --soft: #eef1f5;
  --good: #00714f; --good-back: #e2f4ec; --bad: #b3261e; --bad-back: #fdeae8; --link: #0b62a8;
  --delivered: #009e73; --degraded: #e69f00; --replayed: #56b4e9; --deferred: #8b94a3; --quarantined: #cc79a7; --rejected: #d55e00; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #0f141a; --card: #171e26; --ink: #e6ebf1; --quiet: #9aa7b6; --line: #2d3845; --soft: #202934;
  --good: #4cd0a1; --good-back: #10312a; --bad: #ff8a80; --bad-back: #3b1b1a; --link: #7cc0f5; --deferred: #7b8696; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, header { max-width: 1120px; margin: 0 auto; padding: 0 28px; }
header { padding-top: 36px; }
h1 { margin: 0; font-size: 28px; line-height: 1.25; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 0 0 4px; font-size: 18px; }
h3 { margin: 0; font-size: 15px; }
p { margin: 0 0 10px; max-width: 96ch; }
.quiet { color: var(--quiet); }
section { margin: 20px 0; padding: 22px 24px 20px; background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.verdict { display: flex; gap: 14px; align-items: center; margin: 20px 0 0; padding: 14px 20px; border-radius: 12px; font-size: 16px; }
.verdict strong { font-size: 17px; }
.verdict .sign { flex: none; width: 30px; height: 30px; border-radius: 50%; display: grid; place-items: center; font-weight: 700; color: var(--card); }
.verdict.good { background: var(--good-back); } .verdict.good .sign { background: var(--good); } .verdict.good strong { color: var(--good); }
.verdict.bad { background: var(--bad-back); } .verdict.bad .sign { background: var(--bad); } .verdict.bad strong { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; padding: 0; list-style: none; }
.tiles li { padding: 12px 16px; background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--line); border-radius: 10px; }
.tiles .number { display: block; font-size: 23px; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tiles .label { color: var(--quiet); font-size: 13px; }
.tiles .delivered { border-left-color: var(--delivered); } .tiles .degraded { border-left-color: var(--degraded); }
.tiles .replayed { border-left-color: var(--replayed); } .tiles .deferred { border-left-color: var(--deferred); }
.tiles .quarantined { border-left-color: var(--quarantined); } .tiles .rejected { border-left-color: var(--rejected); }
.scroll { overflow-x: auto; margin: 12px -4px 0; padding: 0 4px; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
caption { text-align: left; color: var(--quiet); font-size: 13px; padding-bottom: 4px; }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--quiet); font-size: 12.5px; font-weight: 600; border-bottom-width: 2px; white-space: nowrap; }
tbody th { font-weight: 600; overflow-wrap: anywhere; }
tbody tr:last-child th, tbody tr:last-child td { border-bottom: 0; }
.count { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 20px; }
.sum th, .sum td { border-top: 2px solid var(--line); font-weight: 650; }
code, .mono { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
code { padding: 1px 5px; background: var(--soft); border-radius: 5px; }
pre { margin: 8px 0; padding: 10px 14px; overflow-x: auto; background: var(--soft); border-radius: 8px; }
pre code { padding: 0; background: none; }
.arrow { color: var(--quiet); padding: 0 4px; }
.mark { display: inline-block; padding: 2px 10px; border-radius: 999px; font-size: 13px; font-weight: 650; white-space: nowrap; }
.mark.good { color: var(--good); background: var(--good-back); } .mark.bad { color: var(--bad); background: var(--bad-back); }
.ledger { display: grid; grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); gap: 8px 40px; margin-top: 10px; }
.ledger .title { display: flex; justify-content: space-between; gap: 12px; align-items: center; padding: 6px 0; }
.scroll table { min-width: 560px; }
.ledger .count { padding-right: 10px; }
.ledger thead th { font-size: 14px; }
td.kind, td.errors { white-space: pre; } section h3 { margin-top: 16px; } .scenes h3, .ledger h3 { margin-top: 0; } .samples tbody th { min-width: 15ch; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 8px 0 0; padding: 0; list-style: none; font-size: 13.5px; }
.legend .swatch { display: inline-block; width: 12px; height: 12px; margin-right: 7px; border-radius: 3px; vertical-align: -1px; }
.legend b { font-variant-numeric: tabular-nums; }
.scenes { margin: 14px 0 0; padding: 0; list-style: none; display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 14px 32px; }
.scenes li { display: flex; gap: 12px; } .scenes p { margin: 0; color: var(--quiet); font-size: 14px; }
.scenes .at { color: var(--quiet); font-size: 13px; font-weight: 400; white-space: nowrap; }
.badge { flex: none; width: 22px; height: 22px; margin-top: 1px; border-radius: 50%; background: var(--ink); color: var(--card); display: grid; place-items: center; font-size: 12px; font-weight: 700; }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--link); font-size: 14px; }
footer { max-width: 1120px; margin: 0 auto; padding: 4px 28px 40px; color: var(--quiet); font-size: 13px; }
svg { display: block; max-width: 100%; height: auto; font-family: inherit; }
svg.chain { min-width: 760px; margin: 4px auto 0; }
svg.chart { width: 100%; min-width: 640px; }
svg text { fill: var(--ink); font-size: 12px; }
.chain rect { fill: var(--soft); stroke: var(--quiet); stroke-width: 1.25; }
.chain .delivered rect { stroke: var(--delivered); } .chain .deferred rect { stroke: var(--quiet); stroke-width: 2.5; }
.chain .exit rect { stroke: var(--rejected); stroke-dasharray: 5 4; }
.chain .name { font-size: 14px; font-weight: 650; } .chain .kind { fill: var(--quiet); font-size: 11.5px; }
.chain .reason { font-size: 11.5px; fill: var(--ink); }
.chain .edge { fill: none; stroke: var(--quiet); stroke-width: 1.4; } .chain .tip { fill: var(--quiet); }
.axes text { fill: var(--quiet); } .axes .unit { font-size: 11.5px; }
.grid { stroke: var(--line); } .tick { stroke: var(--quiet); }
.area { stroke: var(--card); stroke-width: 0.75; }
.area.delivered { fill: var(--delivered); } .area.degraded { fill: var(--degraded); } .area.replayed { fill: var(--replayed); }
.area.deferred { fill: var(--deferred); } .area.quarantined { fill: var(--quarantined); } .area.rejected { fill: var(--rejected); }
.swatch.delivered { background: var(--delivered); } .swatch.degraded { background: var(--degraded); } .swatch.replayed { background: var(--replayed); }
.swatch.deferred { background: var(--deferred); } .swatch.quarantined { background: var(--quarantined); } .swatch.rejected { background: var(--rejected); }
.scene path { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 3 3; opacity: 0.75; } .scene circle { fill: var(--ink); }
.scene text { fill: var(--card); font-size: 11px; font-weight: 700; }
@media (max-width: 640px) { .scenes { grid-template-columns: 1fr; } main, header, footer { padding-left: 14px; padding-right: 14px; } section { padding: 16px; } }
@media print { body { background: none; font-size: 11pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main, header { max-width: none; padding: 0; } section { break-inside: avoid; border-color: #bbb; } section.long { break-inside: auto; } tr, li { break-inside: avoid; }
  .scroll { overflow: visible; } svg.chain, svg.chart { min-width: 0; width: 100%; } details { display: none; } }
`;
