"""The report's style sheet: system fonts, light and dark, no outside request."""

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --ink: #1b2330; --soft: #5c6675; --line: #dfe4ea; --back: #fbfcfd;
  --card: #ffffff; --policy: #466ec8; --steered: #d97a12; --good: #1c7c4a; --bad: #b3372f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf1; --soft: #9aa5b4; --line: #2c3542;
  --back: #12161c; --card: #1a2029; --policy: #7f9fe6; --steered: #f0a14a; --good: #56c48a;
  --bad: #ee7b72; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1020px; margin: 0 auto; padding: 48px 24px 80px; }
.kicker { margin: 0; color: var(--steered); font-weight: 650; letter-spacing: .04em; }
h1 { font-size: 27px; line-height: 1.3; margin: 6px 0 30px; font-weight: 650; max-width: 33em; }
h2 { font-size: 18px; margin: 46px 0 14px; font-weight: 650; }
h3 { font-size: 15px; margin: 0; font-weight: 600; color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 18px 20px; }
.gain { font-size: 40px; font-weight: 680; margin: 2px 0 0; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.gain.up { color: var(--good); } .gain.down { color: var(--bad); }
.gain.even { color: var(--soft); }
.range { margin: 0 0 12px; color: var(--soft); font-size: 13px; }
.bar { display: grid; grid-template-columns: 60px 1fr 44px; gap: 8px; align-items: center;
  font-size: 13px; margin-top: 5px; }
.bar i { height: 9px; border-radius: 5px; display: block;
  background: linear-gradient(to right, var(--c) calc(100% * var(--v)), var(--line) 0); }
.bar i.alone { --c: var(--policy); } .bar i.steered { --c: var(--steered); }
.bar b { text-align: right; font-variant-numeric: tabular-nums; font-weight: 600; }
.note { color: var(--soft); font-size: 13px; max-width: 62em; }
svg { width: 100%; height: auto; font: 13px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .label { text-anchor: end; } svg .tick { text-anchor: middle;
  fill: var(--soft); font-size: 12px; } svg .value { font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--line); } svg .zero { stroke: var(--soft); stroke-width: 1.5; }
svg line.steered { stroke: var(--steered); stroke-width: 3; } svg circle.steered {
  fill: var(--steered); } svg line.other { stroke: var(--soft); stroke-width: 2; }
svg circle.other { fill: var(--soft); } svg rect { fill: var(--steered); }
svg.profile { max-width: 340px; } svg .side { fill: var(--soft); font-size: 11px; }
svg .end { text-anchor: end; }
.films { display: grid; grid-template-columns: repeat(auto-fit, minmax(380px, 1fr)); gap: 18px; }
.films figure { max-width: 512px; }
figure { margin: 0; } video, figure img { width: 100%; border-radius: 8px; display: block; }
figcaption { font-size: 13px; color: var(--soft); margin-top: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 14px 5px 0; white-space: nowrap; }
tr.first > * { border-top: 1px solid var(--line); } tr.first > td:first-child { font-weight: 600; }
th { color: var(--soft); font-weight: 600; }
dl { margin: 18px 0 0; display: grid;
  grid-template-columns: max-content 1fr; gap: 4px 20px; font-size: 13px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere;
  font-family: ui-monospace, monospace; }
"""
