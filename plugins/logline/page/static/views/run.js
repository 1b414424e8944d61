// One run, on its own tab in Airflow.

import { bytes, instant } from "../formats.js?v=VERSION";
import { element, empty, facts, link, pill } from "../elements.js?v=VERSION";
import { table } from "../tables.js?v=VERSION";

export const TONES = {
  JOB_STATE_RUNNING: "good", JOB_STATE_FAILED: "bad", JOB_STATE_CANCELLED: "bad", JOB_STATE_DONE: "warn",
  success: "good", failed: "bad", running: "calm", queued: "calm",
};

// Why tasks failed, each with the way to its log.
export function failures(failed) {
  return failed.map(({ task, reason, log }) => element("div", { class: "reason" }, `${task}: ${reason} `, link("log", log)));
}

function run([data]) {
  if (!data) return empty("Airflow does not know this run.");
  return [
    facts([
      ["State", pill(data.state, TONES[data.state] ?? "muted")],
      ["Started", instant(data.started)],
      ["Ended", instant(data.ended)],
      ...(data.conf.day ? [["Day", data.conf.day]] : []),
    ]),
    // The note of a failed run repeats its reasons.
    data.note && !data.failed.length ? element("p", {}, data.note) : null,
    data.failed.length ? element("div", { class: "notice" }, failures(data.failed)) : null,
    Object.keys(data.conf).length ? element("pre", {}, JSON.stringify(data.conf)) : null,
  ];
}

function ledger([data], { name }) {
  const rows = data.objects.length > 1 ? [...data.objects, { ...data.total, source_uri: "total" }] : data.objects;
  return table([
    { title: "Object", value: (row) => row.source_uri },
    { title: "Format", value: (row) => (row.error_message ? `not read: ${row.error_message}` : row.log_format ?? "") },
    { title: "Lines", value: (row) => row.lines, figure: true },
    { title: "Rows", value: (row) => row.good, figure: true },
    { title: "Rejected", value: (row) => row.rejected, figure: true },
    { title: "Blank", value: (row) => row.blank, figure: true },
    { title: "Bytes", value: (row) => row.bytes, show: (row) => bytes(row.bytes), figure: true },
  ], rows, { caption: "Ledger of the run", name, shown: 400, none: "This run has no entry in the ledger: it has not come so far, or it only planned." });
}

export function sections(dagId, runId) {
  const details = { id: "run", title: "This run", width: "full", asks: [["run", { dag_id: dagId, run_id: runId }]], draw: run };
  const read = { id: "ledger", title: "What it read", about: "lines = rows + rejected + blank", width: "full", asks: [["ledger", { run_id: runId }]], draw: ledger };
  return dagId === "log_backfill" ? [details, read] : [details];
}
