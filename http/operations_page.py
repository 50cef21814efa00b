"""The operator's page: one document, nothing loaded from anywhere else."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>orders</title>
<style>
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #66707f; --line: #e3e6eb;
  --ok: #16803c; --degraded: #b45309; --failed: #c0262d; --bar: #3f6fd8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --card: #1b2129; --ink: #e6eaf0; --soft: #93a0b1;
    --line: #2b333e; --ok: #4ade80; --degraded: #fbbf24; --failed: #f87171;
    --bar: #7aa2f7;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 64rem; padding: 2rem 1.25rem;
  background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums;
}
header { display: flex; align-items: baseline; gap: .75rem; flex-wrap: wrap; }
h1 { font-size: 1.35rem; margin: 0; }
h2 { font-size: .8rem; margin: 0 0 .6rem; color: var(--soft); font-weight: 600; }
#about { color: var(--soft); margin-left: auto; }
.state { font-weight: 600; }
.state::before { content: "\\25CF"; margin-right: .35em; }
.ok { color: var(--ok); } .degraded { color: var(--degraded); }
.failed { color: var(--failed); }
.cards {
  display: grid; gap: .75rem; margin: 1.5rem 0;
  grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr));
}
.card, section {
  background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .8rem 1rem;
}
.card b { display: block; font-size: 1.45rem; font-weight: 600; }
.card span { color: var(--soft); font-size: .85rem; }
main { display: grid; gap: .75rem; grid-template-columns: 1fr 1fr; }
@media (max-width: 44rem) { main { grid-template-columns: 1fr; } }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 400; color: var(--soft); font-size: .85rem; }
td, th { padding: .22rem 0; border-top: 1px solid var(--line); }
tr:first-child > * { border-top: 0; }
td + td, th + th { text-align: right; }
.left td + td { text-align: left; padding-left: .75rem; }
svg { display: block; width: 100%; height: 3.2rem; }
polyline { fill: none; stroke: var(--bar); stroke-width: 1.5; }
.wide { grid-column: 1 / -1; }
</style>
</head>
<body>
<header>
  <h1>orders</h1>
  <span id="state" class="state">…</span>
  <span id="about"></span>
</header>
<div class="cards" id="cards"></div>
<main>
  <section class="wide"><h2>Settled per second, last two minutes</h2>
    <svg viewBox="0 0 119 40" preserveAspectRatio="none"
      role="img" aria-label="settled per second"><polyline id="curve"/></svg>
  </section>
  <section><h2>Checks</h2><table class="left" id="checks"></table></section>
  <section><h2>Actors</h2><table id="actors"></table></section>
  <section><h2>Consumer lag by partition</h2><table id="lag"></table></section>
  <section><h2>Settled since the start</h2><table id="settled"></table></section>
</main>
<script>
"use strict";
const byId = id => document.getElementById(id);
const number = n => n === undefined ? "\\u2013" :
  n.toLocaleString("en", {maximumFractionDigits: n < 10 ? 1 : 0});
const seconds = n => n === undefined ? "\\u2013" : number(n) + " s";
let last = null;
const rates = [];

function cell(tag, text, kind) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}
function fill(id, rows, head) {
  const line = (tag, cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map(c => Array.isArray(c) ? cell(tag, ...c) : cell(tag, c)));
    return row;
  };
  const body = rows.length ? rows : [["nothing yet"]];
  byId(id).replaceChildren(
    ...(head ? [line("th", head)] : []), ...body.map(r => line("td", r)));
}
function rate(status, name) {
  if (!last || status.uptime_seconds <= last.uptime_seconds) return undefined;
  const spent = status.uptime_seconds - last.uptime_seconds;
  return Math.max(0, (status.counters[name] - last.counters[name]) / spent);
}
function card(label, value) {
  const box = cell("div", "", "card");
  box.append(cell("b", value), cell("span", label));
  return box;
}
function draw(value) {
  if (value !== undefined) rates.push(value);
  if (rates.length > 120) rates.shift();
  const top = Math.max(1, ...rates), from = 120 - rates.length;
  byId("curve").setAttribute("points",
    rates.map((r, i) => `${from + i},${38 - 36 * r / top}`).join(" "));
}
function show(status) {
  const gauges = status.gauges, settled = rate(status, "settled");
  byId("state").textContent = status.state;
  byId("state").className = "state " + status.state;
  byId("about").textContent =
    `${status.node} · ${status.version} · up ${number(status.uptime_seconds)} s`;
  byId("cards").replaceChildren(
    card("accepted per second", number(rate(status, "accepted"))),
    card("settled per second", number(settled)),
    card("refused per second", number(rate(status, "rejected"))),
    card("oldest unsettled", seconds(gauges.unsettled_oldest_age_seconds)),
    card("waiting for Kafka", number(gauges.outbox_pending)),
    card("dead letters", number(gauges.dead_letters)));
  fill("checks", status.checks.map(c =>
    [c.name, [c.detail ? `${c.state}: ${c.detail}` : c.state, c.state]]));
  fill("actors", Object.entries(status.actors).map(([role, actor]) =>
    [role, number(actor.mailbox_depth), number(actor.restarts)]),
    ["role", "waiting", "restarts"]);
  fill("lag", Object.entries(status.consumer_lag).map(([p, n]) => [p, number(n)]));
  fill("settled", Object.entries(status.settled).map(([s, n]) => [s, number(n)]));
  draw(settled);
  last = status;
}
async function poll() {
  try {
    const answer = await fetch("status.json", {signal: AbortSignal.timeout(3000)});
    show(await answer.json());
  } catch (error) {
    byId("state").textContent = "no answer";
    byId("state").className = "state failed";
  }
  setTimeout(poll, 1000);
}
poll();
</script>
</body>
</html>
"""
