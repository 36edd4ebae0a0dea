"""The report's style sheet: system fonts, light, dark and print, no outside request."""

__all__ = ["PLOT_STYLE", "STYLE"]

_COLOURS = """
:root { color-scheme: light dark; --ink: #1b2330; --soft: #5c6675; --line: #dfe4ea; --back: #fbfcfd;
  --card: #ffffff; --policy: #466ec8; --steered: #d97a12; --good: #1c7c4a; --bad: #b3372f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf1; --soft: #9aa5b4; --line: #2c3542;
  --back: #12161c; --card: #1a2029; --policy: #7f9fe6; --steered: #f0a14a; --good: #56c48a;
  --bad: #ee7b72; } }
"""
_PLOTS = """svg { width: 100%; height: auto; display: block; font: 13px system-ui, sans-serif; }
svg.wide { min-width: 700px; } svg.small { max-width: 680px; min-width: 460px; }
svg.profile { max-width: 340px; }
svg text { fill: var(--ink); } svg .label { text-anchor: end; } svg .aside { fill: var(--soft); }
svg .strong, svg .group { font-weight: 650; } svg .group { fill: var(--soft); }
svg .tick { text-anchor: middle; fill: var(--soft); font-size: 12px; }
svg .value { font-variant-numeric: tabular-nums; }
svg .side { fill: var(--soft); font-size: 11px; } svg .end { text-anchor: end; }
svg .grid { stroke: var(--line); } svg .zero { stroke: var(--soft); stroke-width: 1.5; }
svg .ideal { stroke: var(--soft); stroke-dasharray: 5 4; } svg rect { fill: var(--steered); }
svg .trend { stroke: var(--steered); stroke-width: 1.5; opacity: .5; }
svg line.steered { stroke: var(--steered); stroke-width: 2.5; }
svg circle.steered { fill: var(--steered); }
svg line.other, svg line.even { stroke: var(--soft); stroke-width: 2; }
svg circle.other, svg circle.even { fill: var(--soft); stroke: var(--soft); }
svg line.up { stroke: var(--good); stroke-width: 2.5; }
svg circle.up { fill: var(--good); stroke: var(--good); }
svg line.down { stroke: var(--bad); stroke-width: 2.5; }
svg circle.down { fill: var(--bad); stroke: var(--bad); }
svg circle.aside { fill: var(--back); stroke-width: 1.5; } svg line.aside { stroke-width: 1; }
svg rect.policy { fill: var(--policy); } svg rect.rest { fill: var(--soft); }
svg rect.hold { fill: var(--bad); opacity: .45; } svg rect.stop { fill: var(--bad); }
svg rect.nothing { fill: var(--line); } svg rect.override { fill: var(--good); }
svg polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
svg polyline.one { stroke: var(--steered); } svg polyline.two { stroke: var(--policy); }
svg polyline.steered { stroke: var(--steered); } svg polyline.even { stroke: var(--soft); }
svg polyline.beside { stroke: var(--soft); stroke-width: 1; opacity: .35; }
svg line.seam { stroke: var(--soft); stroke-dasharray: 2 3; }
svg circle.run { fill: var(--ink); }
svg .mean { fill: var(--steered); } svg .wider { fill: none; stroke: var(--steered);
  stroke-width: 1.5; }
"""
PLOT_STYLE = _COLOURS + _PLOTS
"""What a plot needs that stands outside of the page."""

STYLE = (
    _COLOURS
    + """* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 48px 24px 80px; }
.kicker { margin: 0; color: var(--steered); font-weight: 650; letter-spacing: .04em; }
h1 { font-size: 26px; line-height: 1.3; margin: 6px 0 22px; font-weight: 650; max-width: 36em; }
h2 { font-size: 18px; margin: 46px 0 14px; font-weight: 650; }
h3 { font-size: 15px; margin: 0; font-weight: 600; color: var(--soft); overflow-wrap: anywhere; }
h4 { font-size: 15px; margin: 24px 0 8px; font-weight: 600; }
nav { font-size: 13px; margin: 0 0 26px; display: flex; flex-wrap: wrap; gap: 4px 16px; }
a { color: var(--policy); } nav a { text-decoration: none; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 16px;
  margin-bottom: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 16px 18px; }
.gain { font-size: 34px; font-weight: 680; margin: 2px 0 0; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.gain.up { color: var(--good); } .gain.down { color: var(--bad); }
.gain.even { color: var(--soft); }
.range { margin: 0; color: var(--soft); font-size: 13px; }
.bar { display: grid; grid-template-columns: 60px 1fr 44px; gap: 8px; align-items: center;
  font-size: 13px; margin-top: 5px; }
.bar i { height: 9px; border-radius: 5px; display: block;
  background: linear-gradient(to right, var(--c) calc(100% * var(--v)), var(--line) 0); }
.bar i.alone { --c: var(--policy); } .bar i.steered { --c: var(--steered); }
.bar b { text-align: right; font-variant-numeric: tabular-nums; font-weight: 600; }
.warning { color: var(--bad); font-weight: 600; max-width: 60em; }
.note { color: var(--soft); font-size: 13px; max-width: 66em; }
"""
    + _PLOTS
    + """.films { display: grid; gap: 18px;
  grid-template-columns: repeat(auto-fit, minmax(min(380px, 100%), 1fr)); }
.films figure { max-width: 512px; }
figure { margin: 0; } video, figure img { width: 100%; border-radius: 8px; display: block; }
figcaption { font-size: 13px; color: var(--soft); margin-top: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 14px 5px 0; white-space: nowrap; vertical-align: top; }
td:last-child { white-space: normal; }
tr.first > * { border-top: 1px solid var(--line); } tbody th { font-weight: 600; }
thead th { color: var(--soft); font-weight: 600; white-space: normal; }
details { margin-top: 14px; } summary { cursor: pointer; color: var(--policy); font-size: 14px; }
dl { margin: 18px 0 0; display: grid;
  grid-template-columns: max-content 1fr; gap: 4px 20px; font-size: 13px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.origin dd { font-family: ui-monospace, monospace; }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --back: #fff; --card: #fff;
    --policy: #2b4f9e; --steered: #b35f00; --good: #1c6b40; --bad: #992a23; }
  body { font-size: 11px; } main { max-width: none; padding: 0; } nav { display: none; }
  h1 { font-size: 19px; } h2 { font-size: 14px; margin-top: 22px; break-after: avoid; }
  table { font-size: 9px; } th, td { padding: 2px 7px 2px 0; white-space: normal; }
  .scroll { overflow: visible; } svg.wide, svg.small { min-width: 0; }
  .card, figure, svg, tr { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
)
