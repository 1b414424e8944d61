// How long answers took, where the log says it.

import * as charts from "../charts.js?v=VERSION";
import { milliseconds, percent, precisely, words } from "../formats.js?v=VERSION";
import { empty, pill } from "../elements.js?v=VERSION";
import { ofHosts, table } from "../tables.js?v=VERSION";

const NOT_LOGGED = "These logs have no durations. With nginx, add $request_time to the log_format; with Apache, %D.";
const PERCENTILES = [["p50", "good"], ["p95", "warn"], ["p99", "bad"]];

function days([rows], { period, pick }) {
  const within = rows.filter((day) => day.log_date >= period.first && day.log_date <= period.last && day.p95_duration_ms !== null);
  if (within.length === 0) return empty(NOT_LOGGED);
  return charts.dayLines({
    label: "Durations a day: median, 95th and 99th percentile", period, pick,
    series: PERCENTILES.map(([name, tone]) => ({ name, tone, format: milliseconds, values: new Map(within.map((day) => [day.log_date, day[`${name}_duration_ms`]])) })),
  });
}

function paths([rows], { name }) {
  return table([
    { title: "Path", bar: (row) => row.p95_duration_ms, value: (row) => row.path, show: (row) => row.path ?? "(no request line)" },
    ...ofHosts(rows),
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "p50", value: (row) => row.p50_duration_ms, show: (row) => milliseconds(row.p50_duration_ms), figure: true },
    { title: "p95", value: (row) => row.p95_duration_ms, show: (row) => milliseconds(row.p95_duration_ms), figure: true },
    { title: "p99", value: (row) => row.p99_duration_ms, show: (row) => milliseconds(row.p99_duration_ms), figure: true },
  ], rows, { caption: "Paths that cost most waiting", name, shown: 20, none: NOT_LOGGED });
}

function objectives([rows], { name }) {
  return table([
    { title: "Host", value: (row) => row.host ?? "(none)" },
    { title: "Objective", value: (row) => row.objective, show: (row) => `${words(row.objective)}${row.threshold_ms === null ? "" : ` (within ${milliseconds(row.threshold_ms)})`}` },
    { title: "State", value: (row) => row.is_met, show: (row) => pill(row.is_met ? "met" : "missed", row.is_met ? "good" : "bad") },
    { title: "Good", value: (row) => row.share, show: (row) => precisely(row.share), figure: true },
    { title: "Wanted", value: (row) => row.wanted, show: (row) => precisely(row.wanted), figure: true },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Error budget left", value: (row) => row.budget_left, show: (row) => percent(row.budget_left), figure: true },
  ], rows, { caption: "Objectives", name, none: "No day of these has been summarised since objectives are counted." });
}

export const view = {
  title: "Speed",
  sections: [
    { id: "durations", title: "Durations a day", about: "so long took half, 95 % and 99 % of the requests at most", width: "full", asks: [["days", null]], draw: days },
    { id: "objectives", title: "Objectives", about: "LOGLINE_OBJECTIVES, over the 28 days that end with the last one shown", width: "full", asks: ["objectives"], draw: objectives },
    { id: "slow-paths", title: "Paths that cost most waiting", about: "requests times p95; means of the days, weighted by requests", width: "full", asks: [["paths", { by: "duration" }]], draw: paths },
  ],
};
