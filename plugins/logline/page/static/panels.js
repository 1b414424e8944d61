// What each panel shows of its data. A panel returns nodes; `context` has the filters and the way to change them.

import { ago, bytes, count, element, instant, link, milliseconds, ofAirflow, percent, pill, seconds, short, table } from "./dom.js?v=VERSION";
import * as charts from "./charts.js?v=VERSION";

const TONES = {
  JOB_STATE_RUNNING: "good", JOB_STATE_FAILED: "bad", JOB_STATE_CANCELLED: "bad", JOB_STATE_DONE: "warn",
  success: "good", failed: "bad", running: "calm", queued: "calm", balanced: "good", unbalanced: "bad", outdated: "warn", incomplete: "warn",
};

function facts(entries) {
  return element("dl", {}, entries.map(([name, value, kind]) =>
    element("div", { class: kind === "wide" ? kind : null }, element("dt", {}, name), element("dd", { class: kind ?? null, "data-fact": name }, value))));
}

function stream(data) {
  if (!data) return element("p", { class: "empty" }, "Never seen yet: run provision, then stream_supervisor looks after the stream every five minutes.");
  const state = (data.state ?? "no job").replace("JOB_STATE_", "").toLowerCase();
  return [
    facts([
      ["State", pill(data.is_idle ? `${state}, idle` : state, TONES[data.state] ?? "muted")],
      ["Rows/s", short(data.rows_per_second), "large"],
      ["Behind", seconds(data.lag_seconds), "large"],
      ["Heartbeat landed", data.heartbeat_landed_at ? ago(data.heartbeat_landed_at) : "–"],
      ["Rows of the job", count(data.good)],
      ["Rejected", count(data.rejected)],
      ["Launches, 24 h", count(data.launches)],
      ["Alarms, 24 h", count(data.alarms)],
      ["Version", data.version ?? "–"],
      ["Job", data.job_id ? link(data.job_id, data.job_url, { fresh: true }) : "–", "wide"],
    ]),
    element("p", { class: data.runbook ? "notice" : "faint" }, `${ago(data.observed_at)}: ${data.reason}`, data.runbook ? ` (runbook: ${data.runbook})` : ""),
    data.history.length > 1 ? charts.stream(data.history) : null,
  ];
}

function freshness(rows) {
  return table(
    [
      ["Table", (row) => element("span", {}, row.table_name, element("div", { class: "faint" }, row.what)), "text"],
      ["Newest", (row) => element("span", { title: instant(row.newest) }, ago(row.newest))],
      ["Last day", (row) => row.last_day ?? "–"],
    ],
    rows.map((row) => ({ ...row, key: row.table_name })),
    { caption: "Freshness of each table" },
  );
}

function traffic(rows, context) {
  if (rows.length === 0) return nothing();
  return charts.traffic(rows, context.day, context.chooseDay);
}

export function nothing() {
  return element("p", { class: "empty" }, "Nothing ingested yet: run ", link("provision", ofAirflow("dags/provision")), ", then ", link("log_backfill", ofAirflow("dags/log_backfill")), " for some days.");
}

function hours(rows, context) {
  return rows.length === 0 ? noRequests(context) : charts.hours(rows);
}

function noRequests(context) {
  return element("p", { class: "empty" }, context.day ? "No requests on this day." : "There is no day to show yet.");
}

function reconciliation(rows) {
  return table(
    [
      ["Day", (row) => row.log_date],
      ["", (row) => pill(row.status, TONES[row.status] ?? "muted"), "text"],
      ["Lines", (row) => count(row.lines)],
      ["Rows", (row) => count(row.good)],
      ["Rejected", (row) => count(row.rejected)],
      ["Blank", (row) => count(row.blank)],
      ["Landed", (row) => count(row.landed)],
      ["Requests", (row) => count(row.requests)],
      ["Duplicates", (row) => count(row.duplicates)],
      ["In flight", (row) => count(row.in_flight)],
      ["Unread objects", (row) => count(row.unread_objects)],
      ["Difference", (row) => differences(row), "text"],
    ],
    rows.map((row) => ({ ...row, key: row.log_date })),
    { caption: "Reconciliation per day", empty: "No day has landed yet." },
  );
}

function differences(row) {
  const found = ["lines", "rows", "rejected", "requests"].filter((name) => row[`${name}_difference`]);
  return found.map((name) => `${name} ${count(row[`${name}_difference`])}`).join(", ") || "none";
}

function backfills(ledgers, context) {
  const known = new Map(ledgers.map((ledger) => [ledger.run_id, ledger]));
  const runs = context.runs ?? ledgers.map((ledger) => ({ run_id: ledger.run_id, state: "success", ended: ledger.finished, conf: {} }));
  // A run without an entry in the ledger has no figures: if it failed, its reason stands there instead.
  const figure = (run, name, shown = count) => (known.has(run.run_id) ? shown(known.get(run.run_id)[name]) : "");
  return table(
    [
      ["Run", (run) => element("div", {}, link(run.run_id, ofAirflow(`dags/log_backfill/runs/${encodeURIComponent(run.run_id)}`)), reasons(run.failed)), "text"],
      ["", (run) => pill(run.state, TONES[run.state] ?? "muted"), "text"],
      ["Ended", (run) => (run.ended ? ago(run.ended) : "–")],
      ["Objects", (run) => figure(run, "objects")],
      ["Lines", (run) => figure(run, "lines")],
      ["Rows", (run) => figure(run, "good")],
      ["Rejected", (run) => figure(run, "rejected")],
      ["Blank", (run) => figure(run, "blank")],
      ["Bytes", (run) => figure(run, "bytes", bytes)],
    ],
    runs.map((run) => ({ ...run, key: run.run_id })),
    { caption: "The last backfills", empty: "No backfill yet: trigger log_backfill." },
  );
}

// Why tasks failed, each with the way to its log.
function reasons(failed = []) {
  return failed.map(({ task, reason, log }) => element("div", { class: "reason" }, `${task}: ${reason} `, link("log", log)));
}

function ledger(data) {
  const columns = [
    ["Object", (row) => row.source_uri, "text"],
    ["Format", (row) => (row.error_message ? `not read: ${row.error_message}` : row.log_format ?? ""), "text"],
    ["Lines", (row) => count(row.lines)],
    ["Rows", (row) => count(row.good)],
    ["Rejected", (row) => count(row.rejected)],
    ["Blank", (row) => count(row.blank)],
    ["Bytes", (row) => bytes(row.bytes)],
  ];
  const rows = data.objects.map((row) => ({ ...row, key: row.source_uri }));
  if (rows.length > 1) rows.push({ ...data.total, source_uri: "total", key: "total" });
  return table(columns, rows, { caption: "Ledger of the run", empty: "This run has no entry in the ledger: it has not come so far, or it only planned." });
}

function rejected(reasons) {
  if (reasons.length === 0) return element("p", { class: "empty" }, "No line was rejected in this time.");
  const all = reasons.reduce((sum, reason) => sum + reason.lines, 0);
  return reasons.map((reason) =>
    element(
      "details",
      { "data-row": reason.error_type },
      element("summary", {}, element("code", {}, reason.error_type), " ",
        reason.replayed ? pill(`${count(reason.replayed)} replayed`, "calm") : null,
        element("span", { class: "figures" }, `${count(reason.lines)} · ${percent(reason.lines / all)}`)),
      reason.examples.map((example) => [
        element("p", { class: "faint" }, `${example.error_message ?? ""} · ${example.source_uri ?? ""} @ ${count(example.source_offset)}`),
        element("pre", {}, example.line),
      ]),
    ),
  );
}

function daily(rows) {
  if (rows.length === 0) return nothing();
  return table(
    [
      ["Day", (row) => row.log_date],
      ["Requests", (row) => count(row.requests)],
      ["Crawlers", (row) => count(row.bots)],
      ["Visitors", (row) => count(row.unique_visitors)],
      ["Sent", (row) => bytes(row.bytes)],
      ["4xx", (row) => percent(row.client_error_rate)],
      ["5xx", (row) => percent(row.server_error_rate)],
      ...(rows.some((row) => row.p95_duration_ms !== null)
        ? [["p50", (row) => milliseconds(row.p50_duration_ms)], ["p95", (row) => milliseconds(row.p95_duration_ms)], ["p99", (row) => milliseconds(row.p99_duration_ms)]]
        : []),
    ],
    rows.map((row) => ({ ...row, key: row.log_date })),
    { caption: "Daily summaries" },
  );
}

function top(rows, context) {
  if (rows.length === 0) return noRequests(context);
  const nameless = { paths: "(no request line)", referers: "(none)", agents: "(none)", visitors: "(none)" }[context.top];
  return table(
    [
      [{ paths: "Path", referers: "Referer", agents: "Agent", visitors: "Visitor" }[context.top],
        (row) => [row.name ?? nameless, row.detail ? element("div", { class: "faint" }, row.detail) : null].filter(Boolean), "text"],
      ["Requests", (row) => count(row.requests)],
      ["Errors", (row) => count(row.errors)],
      ["Sent", (row) => bytes(row.bytes)],
    ].map(([title, value, kind]) => [title, (row) => { const made = value(row); return Array.isArray(made) ? element("span", {}, made) : made; }, kind]),
    rows.map((row) => ({ ...row, key: row.name ?? nameless })),
    { caption: "The most frequent of the day" },
  );
}

function run(data) {
  if (!data) return element("p", { class: "empty" }, "Airflow does not know this run.");
  return [
    facts([
      ["State", pill(data.state, TONES[data.state] ?? "muted")],
      ["Started", instant(data.started)],
      ["Ended", instant(data.ended)],
      ...(data.conf.day ? [["Day", data.conf.day]] : []),
    ]),
    // The note of a failed run repeats its reasons.
    data.note && !data.failed.length ? element("p", {}, data.note) : null,
    data.failed.length ? element("div", { class: "notice" }, reasons(data.failed)) : null,
    Object.keys(data.conf).length ? element("pre", {}, JSON.stringify(data.conf)) : null,
  ];
}

export const RENDERERS = { stream, freshness, traffic, hours, reconciliation, backfills, ledger, rejected, daily, top, run };
