"""How the HTML page looks."""

_COLOURS = """
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1a1d21; --dim: #5d656e; --line: #e1e4e8;
  --people: #2f6fde; --bots: #b3760f; --bar: #2f6fde29; --bad: #b62a21; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --card: #1e2226; --text: #e8eaed; --dim: #a3acb5;
  --line: #343a41; --people: #6ea0ff; --bots: #e2ab4b; --bar: #6ea0ff38; --bad: #ff8a80; } }
"""
_LAYOUT = """
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 2rem; max-width: 80rem; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0 0 .5rem; }
h2::first-letter { text-transform: uppercase; }
p { margin: .2rem 0; overflow-wrap: anywhere; }
p, dt, th, summary, footer { color: var(--dim); }
a { color: inherit; }
dl { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0 .6rem; }
dl div, section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; }
dl div { flex: 1 0 auto; min-width: 7rem; }
dt { font-size: .85rem; }
dt::first-letter { text-transform: uppercase; }
dd { margin: 0; font-size: 1.05rem; font-weight: 600; }
.panels { columns: 2 28rem; column-gap: .6rem; margin-bottom: .6rem; }
section { margin: 0 0 .6rem; overflow-x: auto; }
.panels section { break-inside: avoid; }
footer { margin-top: 1.2rem; font-size: .85rem; }
"""
_CHARTS = """
.chart { display: flex; gap: .5rem; height: 13rem; font-size: 11px; color: var(--dim); }
.axis { display: flex; flex-direction: column; justify-content: space-between; text-align: right;
  margin: -.6em 0 1.2em; line-height: 1.2; }
.chart > svg { flex: 1; min-width: 0; height: 100%; overflow: visible; }
svg text { fill: var(--dim); text-anchor: middle; }
svg text.first { text-anchor: start; } svg text.last { text-anchor: end; }
svg line { stroke: var(--line); }
.people { fill: var(--people); background: var(--people); } .bots { fill: var(--bots); background: var(--bots); }
g:hover rect { opacity: .7; }
.key { font-size: .85rem; margin-bottom: .8rem; }
.key i { display: inline-block; width: .7em; height: .7em; border-radius: .15em; margin: 0 .35em 0 .9em; }
.key i:first-child { margin-left: 0; }
summary { cursor: pointer; font-size: .85rem; margin-top: .4rem; }
"""
_TABLES = """
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem .4rem; border-bottom: 1px solid var(--line); vertical-align: top; text-align: right;
  white-space: nowrap; font-weight: 400; }
thead th { font-size: .85rem; }
tbody tr:last-child > * { border-bottom: 0; }
.name { text-align: left; white-space: normal; overflow-wrap: anywhere; width: 100%; color: var(--text);
  background: linear-gradient(var(--bar), var(--bar)) no-repeat left / var(--share, 0%) 100%; }
thead .name { color: var(--dim); }
.text, thead .text { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 8rem; }
.bad { color: var(--bad); }
h3 { font-size: .95rem; margin: .6rem 0 .2rem; overflow-wrap: anywhere; }
code { font-size: .85em; color: var(--text); }
@media (max-width: 40rem) { svg .minor { display: none; } }
"""
# A share is a class, for the page's policy lets no element bring a style of its own.
_SHARES = "".join(f".s{share}{{--share:{share}%}}" for share in range(101))

STYLE = _COLOURS + _LAYOUT + _CHARTS + _TABLES + _SHARES
