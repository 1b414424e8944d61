// Which panels are shown, when they are asked for, and what is said when one has no answer.

import { element } from "./dom.js?v=VERSION";
import { RENDERERS, nothing } from "./panels.js?v=VERSION";
import { followTheme } from "./theme.js?v=VERSION";

const EVERY_MS = 10_000;
const SLOW_MS = 300_000; // the reconciliation reads the landing tables
const query = new URLSearchParams(window.location.search);
const DAG = query.get("dag_id");
const RUN = query.get("run_id");

const state = { days: "30", day: null, newest: null, top: "paths", runs: null, chosenByHand: false };

// [name, title, width, path and parameters; null: not now]
const PANELS = {
  run: ["This run", "full", () => ["run", { dag_id: DAG, run_id: RUN }]],
  ledger: ["Its ledger: what became of every line", "full", () => ["ledger", { run_id: RUN }]],
  stream: ["Stream", "half", () => ["stream", {}]],
  freshness: ["Freshness", "half", () => ["freshness", {}]],
  traffic: ["Requests per day, by status", "half", () => ["traffic", { days: state.days }]],
  hours: ["By the hour", "half", () => state.day && ["hours", { day: state.day }]],
  reconciliation: ["Are the numbers right?", "full", () => state.firstDay && ["reconciliation", { first_day: state.firstDay }]],
  backfills: ["Backfills", "full", () => ["backfills", { days: state.days }]],
  daily: ["Daily summaries", "half", () => ["daily", { days: state.days }]],
  top: ["Most frequent", "half", () => state.day && [`top/${state.top}`, { day: state.day }]],
  rejected: ["Rejected lines", "full", () => ["rejected", { days: state.days }]],
};
const OF_DAG = {
  log_backfill: ["backfills", "rejected", "reconciliation"],
  stream_supervisor: ["stream", "freshness", "rejected"],
  daily_summary: ["daily", "top", "traffic", "hours", "reconciliation"],
  dead_letter_replay: ["rejected", "freshness"],
  late_lines: ["reconciliation", "daily", "freshness"],
  sweep: ["freshness", "reconciliation", "backfills"],
  arrivals: ["freshness", "backfills"],
  provision: ["freshness"],
};
const OF_RUN = { log_backfill: ["run", "ledger"], daily_summary: ["run", "daily", "top", "hours"] };
const ALL = ["stream", "freshness", "traffic", "hours", "reconciliation", "backfills", "daily", "top", "rejected"];
const latest = {};
const asked = {};
const shownAt = {};
const shows = {};

function shown() {
  if (!DAG) return ALL;
  if (!(DAG in OF_DAG)) return [];
  return RUN ? (OF_RUN[DAG] ?? ["run", ...OF_DAG[DAG]]) : OF_DAG[DAG];
}

function build() {
  const main = document.getElementById("panels");
  for (const name of shown()) {
    const [title, width] = PANELS[name];
    const tabs = name === "top" ? element("div", { class: "tabs", role: "group", "aria-label": "Of what" }, ["paths", "referers", "agents", "visitors"].map(tab)) : null;
    main.append(
      element("section", { id: name, class: `${width} waiting`, "aria-busy": "true" },
        element("div", { class: "head" }, element("h2", {}, title), element("p", { class: "aside" }), tabs),
        element("div", { class: "body" }, element("p", { class: "empty" }, "…"))),
    );
  }
  if (shown().length === 0) main.append(element("section", {}, element("p", { class: "empty" }, `${DAG} is not one of logline's DAGs.`)));
  document.getElementById("filters").hidden = shown().every((name) => ["run", "ledger", "stream", "freshness"].includes(name));
  document.getElementById("subject").textContent = DAG ? [DAG, RUN].filter(Boolean).join(" · ") : "from log lines to trusted tables";
}

function tab(of) {
  return element("button", { type: "button", "aria-pressed": String(of === state.top), onclick: (event) => {
    state.top = of;
    for (const button of event.currentTarget.parentElement.children) button.setAttribute("aria-pressed", String(button === event.currentTarget));
    refresh("top", { force: true });
  } }, of);
}

async function fetched(path, parameters) {
  const answer = await fetch(`api/${path}?${new URLSearchParams(parameters)}`, { headers: { Accept: "application/json" } });
  if (answer.status === 401) return { notice: "You are logged out: log in to Airflow again." };
  if (answer.status === 403) return { notice: "You may not see the runs of the DAG this is about." };
  const body = await answer.json().catch(() => ({}));
  return answer.ok ? body : { notice: body.notice ?? `The server answered ${answer.status}.` };
}

async function refresh(name, { force = false } = {}) {
  const wanted = PANELS[name][2]();
  const section = document.getElementById(name);
  if (!section) return;
  if (!wanted) {
    // Without a day there is nothing to ask for; why there is none, the daily summaries know.
    if (latest.daily) render(name, latest.daily.notice ? { data: latest.daily.data, notice: latest.daily.notice } : { data: [] });
    return;
  }
  const address = JSON.stringify(wanted);
  const young = asked[name]?.address === address && Date.now() - asked[name].at < (name === "reconciliation" ? SLOW_MS : 0);
  if (young && !force) return;
  if (asked[name]?.address !== address) section.classList.add("waiting");
  asked[name] = { address, at: Date.now() };
  let answer;
  try {
    answer = await fetched(...wanted);
  } catch {
    answer = { notice: "Airflow does not answer; trying again." };
  }
  if (asked[name].address !== address) return; // asked for something else meanwhile
  if (answer.data === undefined) asked[name].at = 0;
  // What was known a moment ago is better than nothing.
  if (answer.data === undefined && shownAt[name] === address) answer = { ...latest[name], notice: answer.notice };
  if (answer.data !== undefined) shownAt[name] = address;
  latest[name] = answer;
  if (name === "daily") daysKnown(answer.data ?? []);
  render(name, answer);
}

function render(name, answer) {
  // Airflow knows its runs also while BigQuery, which has their ledgers, does not answer.
  if (name === "backfills" && answer.data === undefined && state.runs) answer = { ...answer, data: [] };
  const section = document.getElementById(name);
  const body = section.querySelector(".body");
  section.classList.remove("waiting");
  section.removeAttribute("aria-busy");
  section.querySelector(".aside").textContent = aside(name, answer);
  const opened = new Set([...section.querySelectorAll("details[open]")].map((node) => node.dataset.row));
  const scrolled = section.querySelector(".scroll")?.scrollTop ?? 0;
  const context = { ...state, chooseDay: (day) => chooseDay(day, true) };
  const nodes = [];
  if (answer.data === null && answer.notice) nodes.push(nothing());
  else if (answer.notice) nodes.push(element("p", { class: "notice unavailable" }, answer.notice));
  if (answer.data || (answer.data === null && !answer.notice)) nodes.push(RENDERERS[name](answer.data, context));
  // What has not changed is left alone: no flicker, no lost selection.
  const fingerprint = JSON.stringify([answer.data, answer.notice, name === "backfills" ? state.runs : 0, name === "traffic" ? state.day : 0, name === "freshness" || name === "stream" ? Math.floor(Date.now() / EVERY_MS) : 0]);
  if (shows[name] === fingerprint) return;
  shows[name] = fingerprint;
  body.replaceChildren(...nodes.flat().filter(Boolean));
  for (const node of body.querySelectorAll("details")) node.open = opened.has(node.dataset.row);
  const scroll = body.querySelector(".scroll");
  if (scroll) scroll.scrollTop = scrolled;
}

function aside(name, answer) {
  if (["hours", "top"].includes(name)) return state.day ?? "";
  if (name === "reconciliation" && answer.at) return `as of ${answer.at.slice(11, 19)} UTC; refreshed every five minutes`;
  if (["backfills", "rejected"].includes(name)) return `read in the last ${state.days} days`;
  return "";
}

function daysKnown(rows) {
  const days = rows.map((row) => row.log_date);
  state.newest = days[0] ?? null;
  const first = new Date(Date.parse(state.newest ?? new Date().toISOString().slice(0, 10)) - (Number(state.days) - 1) * 86_400_000);
  state.firstDay = first.toISOString().slice(0, 10);
  const list = document.getElementById("day");
  const before = [...list.options].map((option) => option.value).join();
  if (before !== days.join()) list.replaceChildren(...days.map((day) => element("option", { value: day }, day)));
  if (!state.chosenByHand || !days.includes(state.day)) chooseDay(dayOfRun() ?? state.newest, false);
  else list.value = state.day;
  refresh("reconciliation");
}

function dayOfRun() {
  return latest.run?.data?.conf.day ?? null;
}

function chooseDay(day, byHand) {
  state.chosenByHand ||= byHand;
  if (day !== state.day) {
    state.day = day;
    if (latest.traffic && document.getElementById("traffic")) render("traffic", latest.traffic);
  }
  const list = document.getElementById("day");
  if (day && ![...list.options].some((option) => option.value === day)) list.append(element("option", { value: day }, day));
  list.value = day ?? "";
  for (const name of ["hours", "top"]) refresh(name);
}

async function refreshAll({ force = false } = {}) {
  const names = shown().filter((name) => !["hours", "top", "reconciliation"].includes(name));
  const needsDays = shown().some((name) => ["hours", "top", "reconciliation"].includes(name));
  if (needsDays && !names.includes("daily")) names.push("daily");
  if (shown().includes("backfills")) {
    fetched("runs", {}).then((answer) => {
      state.runs = answer.data ?? null;
      if (latest.backfills) render("backfills", latest.backfills);
    }).catch(() => {});
  }
  await Promise.all(names.map((name) => (document.getElementById(name) ? refresh(name, { force }) : days())));
  document.getElementById("updated").textContent = `updated ${new Date().toISOString().slice(11, 19)} UTC`;
}

async function days() {
  const answer = await fetched("daily", { days: state.days }).catch(() => ({}));
  latest.daily = answer;
  daysKnown(answer.data ?? []);
}

function start() {
  build();
  const period = document.getElementById("days");
  period.addEventListener("change", () => {
    state.days = period.value;
    refreshAll();
  });
  document.getElementById("day").addEventListener("change", (event) => chooseDay(event.target.value, true));
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  followTheme();
  document.addEventListener("visibilitychange", () => document.hidden || refreshAll());
  window.setInterval(() => document.hidden || refreshAll(), EVERY_MS);
  refreshAll();
}

start();
