// The page: which view is shown, of which days, and when it asks again.

import { redrawAll } from "./charts.js?v=VERSION";
import { forget, fetched } from "./answers.js?v=VERSION";
import { newestWhole, periods, plus } from "./days.js?v=VERSION";
import { element, outside } from "./elements.js?v=VERSION";
import { FIGURES, OF_KIND, figures, ofKind } from "./figures.js?v=VERSION";
import { filters } from "./filters.js?v=VERSION";
import { firstSteps } from "./first_steps.js?v=VERSION";
import { clock } from "./formats.js?v=VERSION";
import { listen } from "./keyboard.js?v=VERSION";
import { daysOf, fill, frame } from "./sections.js?v=VERSION";
import { address, choose, read, state } from "./state.js?v=VERSION";
import { followTheme } from "./theme.js?v=VERSION";
import { verdict } from "./verdict.js?v=VERSION";
import { view as agents } from "./views/agents.js?v=VERSION";
import { view as audience } from "./views/audience.js?v=VERSION";
import { view as errors } from "./views/errors.js?v=VERSION";
import { view as pipeline } from "./views/pipeline.js?v=VERSION";
import { sections as ofRun } from "./views/run.js?v=VERSION";
import { view as speed } from "./views/speed.js?v=VERSION";
import { view as traffic } from "./views/traffic.js?v=VERSION";
import { view as trust } from "./views/trust.js?v=VERSION";

const EVERY_MS = 60_000;
const VIEWS = { traffic, audience, agents, errors, speed, pipeline, trust };
// The view that a DAG's own tab begins with.
const OF_DAG = { daily_summary: "trust", late_lines: "trust", erasure: "trust" };

const said = new URLSearchParams(window.location.search);
const DAG = said.get("dag_id");
const RUN = said.get("run_id");
let summarised = [];

function context() {
  const lastDay = state.day || newestWhole(summarised);
  const period = periods(lastDay ?? new Date().toISOString().slice(0, 10), Number(state.days));
  return { ...state, lastDay, period: period.now, periods: period, pick: (day) => change({ day, days: "1" }), choose: change };
}

function shownSections() {
  const whole = VIEWS[state.view].sections.filter(({ when }) => !when || when(state));
  return DAG && RUN ? [...ofRun(DAG, RUN), ...whole] : whole;
}

function isFiltered(section) {
  const { isFiltered: filtered, sections } = VIEWS[state.view];
  return filtered !== false && sections.includes(section);
}

function navigation() {
  document.getElementById("views").replaceChildren(...Object.entries(VIEWS).map(([name, { title }]) =>
    element("a", { href: address({ view: name }), "data-view": name, "aria-current": name === state.view ? "page" : null }, title)));
}

function layOut() {
  const main = document.getElementById("main");
  const wanted = shownSections();
  if ([...main.children].map(({ id }) => id).join() === wanted.map(({ id }) => id).join()) return;
  main.replaceChildren(...wanted.map(frame));
}

// The key figures: of all agents as the days have them, of a chosen kind as far as its table has them.
async function keyFigures({ periods: { now, before }, kind, host }) {
  const days = await fetched(...daysOf({ host }));
  if (!days.data?.length) return [firstSteps(days)];
  if (!kind) return figures(FIGURES, days.data, { now, before });
  const rows = await Promise.all([now, before].map(({ first, last }) => fetched("agent_days", { first_day: first, last_day: last, host })));
  return figures(OF_KIND, ofKind(rows.flatMap(({ data }) => data ?? []), kind), { now, before });
}

// Figures of what was chosen before are dimmed until those of what is chosen now are there.
async function showFigures(now, isWanted) {
  const place = document.getElementById("figures");
  const asked = JSON.stringify([now.period, now.kind, now.host]);
  if (place.dataset.asked !== asked) place.classList.add("waiting");
  place.dataset.asked = asked;
  const shown = await keyFigures(now);
  if (!isWanted()) return;
  place.classList.remove("waiting");
  place.replaceChildren(...shown);
}

let drawing = 0;

async function draw() {
  const number = (drawing += 1);
  document.body.setAttribute("aria-busy", "true");
  navigation();
  await drawn(() => number === drawing); // not when something else was chosen meanwhile
  if (number === drawing) document.body.removeAttribute("aria-busy");
}

async function drawn(isWanted) {
  const all = await fetched("days");
  if (!isWanted()) return;
  summarised = (all.data ?? []).map((day) => day.log_date);
  const now = context();
  const period = { first_day: now.period.first, last_day: now.period.last };
  const hosts = fetched("hosts", period).then(({ data }) => (data ?? []).map(({ host }) => host ?? "(none)"));
  const kinds = fetched("agent_days", { ...period, host: state.host })
    .then(({ data }) => [...new Set((data ?? []).map((row) => row.agent_kind).filter(Boolean))].sort());
  layOut();
  await Promise.all([
    verdict(period, isWanted),
    showFigures(now, isWanted),
    Promise.all([hosts, kinds]).then(([ofHosts, ofKinds]) => isWanted() &&
      filters({ summarised, lastDay: now.lastDay, hosts: ofHosts, kinds: ofKinds, areFollowed: VIEWS[state.view].isFiltered !== false, choose: change })),
    ...shownSections().map((section) => fill(document.getElementById(section.id), section, isFiltered(section), now)),
  ]);
  document.getElementById("updated").textContent = `As of ${clock(new Date().toISOString())} UTC, looked at again every minute.`;
}

function change(changes) {
  choose(changes);
  draw();
}

function move(times) {
  const { lastDay } = context();
  if (!lastDay) return;
  const day = plus(lastDay, times * Number(state.days));
  change({ day: summarised.includes(day) || times < 0 ? day : newestWhole(summarised) });
}

function start() {
  read();
  if (DAG && !outside().location.hash) state.view = OF_DAG[DAG] ?? "pipeline";
  if (!(state.view in VIEWS)) state.view = "traffic";
  document.getElementById("subject").textContent = DAG ? [DAG, RUN].filter(Boolean).join(" · ") : "from log lines to trusted tables";
  document.addEventListener("click", (event) => {
    const view = event.target.closest("a[data-view]")?.dataset.view;
    if (!view || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    change({ view });
    window.scrollTo(0, 0);
  });
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  outside().addEventListener("hashchange", () => { read(); draw(); });
  listen({
    view: (index) => change({ view: Object.keys(VIEWS)[index] }),
    choose: change, move,
    refresh: () => { forget(); draw(); },
  });
  followTheme(redrawAll);
  document.addEventListener("visibilitychange", () => document.hidden || draw());
  window.setInterval(() => document.hidden || draw(), EVERY_MS);
  draw();
}

start();
