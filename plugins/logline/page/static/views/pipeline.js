// Whether lines come in: the stream, the backfills, what nobody has read, and what could not be read.

import * as charts from "../charts.js?v=VERSION";
import { ago, bytes, count, dayName, instant, plural, seconds, short } from "../formats.js?v=VERSION";
import { dagLink, element, empty, facts, link, ofAirflow, pill, runbook, runLink } from "../elements.js?v=VERSION";
import { table } from "../tables.js?v=VERSION";
import { TONES, failures } from "./run.js?v=VERSION";

const NEVER_SEEN = ["The stream was not looked at within a day: run provision, then stream_supervisor looks after it every five minutes."];

function stream([data]) {
  if (!data) return empty(NEVER_SEEN);
  const state = (data.state ?? "no job").replace("JOB_STATE_", "").toLowerCase();
  return facts([
    ["State", pill(data.is_idle ? `${state}, idle` : state, TONES[data.state] ?? "muted")],
    ["Rows a second", short(data.rows_per_second), "large"],
    ["Behind", seconds(data.lag_seconds), "large"],
    ["Heartbeat landed", data.heartbeat_landed_at ? ago(data.heartbeat_landed_at) : "–"],
    ["Rows of the job", count(data.good)],
    ["Rejected", count(data.rejected)],
    ["Version", data.version ?? "–"],
    ["Job", data.job_id ? link(data.job_id, data.job_url, { fresh: true }) : "–", "wide"],
    ["Seen", `${ago(data.observed_at)}: ${data.reason}`, "wide"],
  ]);
}

function streamDay([data]) {
  if (!data || data.history.length < 2) return empty("There is no history of a day yet.");
  const times = data.history.map(({ at }) => Date.parse(at) / 1000);
  return charts.lines({
    label: "Rows a second and lag of the stream over a day", times, range: [times.at(-1) - 86_400, times.at(-1)],
    series: [
      { name: "Rows a second", tone: "calm", values: data.history.map((look) => look.rows_per_second) },
      { name: "Seconds behind (right)", tone: "warn", axis: "behind", format: seconds, values: data.history.map((look) => look.lag_seconds) },
    ],
  });
}

function incidents([rows], { name }) {
  return table([
    { title: "Began", value: (row) => row.began, show: (row) => instant(row.began) },
    { title: "Lasted", value: (row) => (Date.parse(row.ended ?? new Date().toISOString()) - Date.parse(row.began)) / 1000, figure: true,
      show: (row) => (row.ended ? seconds((Date.parse(row.ended) - Date.parse(row.began)) / 1000) : pill("goes on", "bad")) },
    { title: "Launched", value: (row) => row.launches, show: (row) => (row.launches ? plural(row.launches, "time") : "no"), figure: true },
    { title: "What was seen", value: (row) => row.reason, show: (row) => [row.reason, row.runbooks.map((place) => [" ", runbook(place)])] },
  ], rows, { caption: "History of the stream", name, none: "Nothing happened to the stream in 30 days." });
}

function dags([rows], { name }) {
  return table([
    { title: "DAG", value: (row) => row.dag_id, show: (row) => dagLink(row.dag_id) },
    { title: "Last run", value: (row) => row.latest?.state, show: (row) => (row.latest ? pill(row.latest.state, TONES[row.latest.state] ?? "muted") : "never") },
    { title: "Ended", value: (row) => row.latest?.ended, show: (row) => (row.latest ? runLink(row.dag_id, row.latest.run_id, ago(row.latest.ended)) : "–"), figure: true },
    { title: "Now", value: (row) => (row.is_running ? "running" : ""), show: (row) => (row.is_running ? pill("running", "calm") : "") },
    { title: "It says", value: (row) => row.latest?.note, show: (row) => (row.latest?.failed.length ? failures(row.latest.failed) : row.latest?.note ?? "") },
  ], rows, { caption: "DAGs", name, shown: 20 });
}

// Days of a run's lines: what people call it by; the id of the run is behind the link.
function daysOf(run, ledger) {
  if (ledger?.first_day) return ledger.first_day === ledger.last_day ? dayName(ledger.first_day) : `${dayName(ledger.first_day)} to ${dayName(ledger.last_day)}`;
  return [run.conf?.start_date, run.conf?.end_date].filter(Boolean).join(" to ") || run.conf?.source || `${run.run_type ?? "run"} of ${instant(run.started ?? run.ended)}`;
}

function backfills([runs, ledgers], { name }) {
  const known = new Map((ledgers ?? []).map((ledger) => [ledger.run_id, ledger]));
  const all = runs ?? (ledgers ?? []).map((ledger) => ({ run_id: ledger.run_id, state: "success", ended: ledger.finished, conf: {}, failed: [] }));
  const figure = (title, column, shown = count) => ({ title, value: (run) => known.get(run.run_id)?.[column], show: (run) => (known.has(run.run_id) ? shown(known.get(run.run_id)[column]) : ""), figure: true });
  return table([
    { title: "Days", value: (run) => known.get(run.run_id)?.first_day ?? run.run_id, show: (run) => [runLink("log_backfill", run.run_id, daysOf(run, known.get(run.run_id))), failures(run.failed ?? [])] },
    { title: "State", value: (run) => run.state, show: (run) => pill(run.state, TONES[run.state] ?? "muted") },
    { title: "Ended", value: (run) => run.ended, show: (run) => (run.ended ? ago(run.ended) : "–"), figure: true },
    figure("Objects", "objects"), figure("Lines", "lines"), figure("Rows", "good"), figure("Rejected", "rejected"), figure("Blank", "blank"), figure("Bytes", "bytes", bytes),
  ], all, { caption: "Backfills", name, none: ["No backfill yet: trigger ", link("log_backfill", ofAirflow("dags/log_backfill")), "."] });
}

function unread([rows], { name }) {
  return table([
    { title: "Object", value: (row) => row.object },
    { title: "Why", value: (row) => row.reason, show: (row) => (row.reason === "new" ? "nobody has read it" : "it has changed since it was read") },
    { title: "Bytes", value: (row) => row.size, show: (row) => bytes(row.size), figure: true },
    { title: "Written", value: (row) => row.created, show: (row) => ago(row.created), figure: true },
  ], rows, { caption: "Unread objects", name, none: "Every object in the bucket has been read." });
}

function rejected([rows], { name }) {
  return table([
    { title: "Read from", bar: (row) => row.rejected, value: (row) => row.source_uri },
    { title: "When", value: (row) => row.finished, show: (row) => instant(row.finished), figure: true },
    { title: "Lines", value: (row) => row.lines, figure: true },
    { title: "Rejected", value: (row) => row.rejected, figure: true },
    { title: "Format", value: (row) => row.log_format, show: (row) => row.error_message ?? row.log_format ?? "–" },
  ], rows, { caption: "Rejected lines", name, none: "No line was rejected in these days." });
}

function freshness([rows], { name }) {
  return table([
    { title: "Table", value: (row) => row.table, show: (row) => element("code", {}, row.table) },
    { title: "Changed", value: (row) => row.modified, show: (row) => element("span", { title: instant(row.modified) }, ago(row.modified)), figure: true },
    { title: "Last meant", value: (row) => (row.rows ? row.meaning : "it was made: no rows so far") },
    { title: "Rows", value: (row) => row.rows, figure: true },
    { title: "Bytes", value: (row) => row.size, show: (row) => bytes(row.size), figure: true },
  ], rows, { caption: "Freshness of the tables", name });
}

export const view = {
  title: "Pipeline",
  // Of runs, files and checks: no host, no agent.
  isFiltered: false,
  sections: [
    { id: "stream", title: "The stream now", about: "looked at every five minutes", width: "third", asks: [["stream", null]], draw: stream, optional: true },
    { id: "stream-day", title: "The stream over a day", width: "twothirds", asks: [["stream", null]], draw: streamDay, optional: true },
    { id: "incidents", title: "What happened to the stream", about: "30 days", width: "full", asks: [["incidents", null]], draw: incidents },
    { id: "dags", title: "DAGs", about: "the last ended run of each", width: "full", asks: [["dags", null]], draw: dags },
    { id: "backfills", title: "Backfills", about: "the last 20; a click leads to the run", width: "full", asks: [["runs", null], ["backfills", null]], draw: backfills, any: true },
    { id: "unread", title: "Unread objects", about: "in the bucket, as sweep has listed it", width: "half", asks: [["unread", null]], draw: unread },
    { id: "freshness", title: "Freshness", about: "when each table changed last", width: "half", asks: [["freshness", null]], draw: freshness },
    { id: "rejected", title: "Where lines were rejected", about: "objects, and hours of the stream", width: "full", asks: ["rejected"], draw: rejected },
  ],
};
