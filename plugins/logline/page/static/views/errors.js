// What failed, and who tries doors.

import * as charts from "../charts.js?v=VERSION";
import { count, percent } from "../formats.js?v=VERSION";
import { empty, pill } from "../elements.js?v=VERSION";
import { byDay, sumBy } from "../rows.js?v=VERSION";
import { CLASSES, MEANINGS, classOf } from "../statuses.js?v=VERSION";
import { table } from "../tables.js?v=VERSION";

const TONES = new Map(CLASSES);

function days([rows], { period, pick }) {
  const errors = rows.filter((row) => row.status >= 400);
  if (errors.length === 0) return empty("No request failed in these days.");
  const series = [["5xx", "Server errors"], ["4xx", "Client errors"]].map(([name, title]) => ({
    name: title, tone: TONES.get(name), format: count, values: byDay(errors.filter((row) => classOf(row.status) === name), "requests"),
  }));
  return charts.days({ label: "Errors a day", period, series: series.filter(({ values }) => values.size), pick });
}

function statuses([rows], { name }) {
  const all = rows.reduce((total, row) => total + row.requests, 0);
  const sums = sumBy(rows.filter((row) => row.status === null || row.status >= 400), (row) => row.status, "requests");
  return table([
    { title: "Status", bar: ({ sum }) => sum, value: ({ value }) => value, show: ({ value }) => pill(value ?? "none", TONES.get(classOf(value))) },
    { title: "Meaning", value: ({ value }) => MEANINGS[value] },
    { title: "Requests", value: ({ sum }) => sum, figure: true },
    { title: "Share", value: ({ sum }) => sum / all, show: ({ sum }) => percent(sum / all), figure: true },
  ], sums, { caption: "Statuses of errors", name, none: "No request failed in these days." });
}

function paths([rows], { name }) {
  return table([
    { title: "Path", bar: (row) => row.errors, value: (row) => row.path, show: (row) => row.path ?? "(no request line)" },
    { title: "Errors", value: (row) => row.errors, figure: true },
    { title: "Of its requests", value: (row) => row.errors / row.requests, show: (row) => percent(row.errors / row.requests), figure: true },
    { title: "Visitors", value: (row) => row.unique_visitors, figure: true },
  ], rows, { caption: "Paths with most errors", name, shown: 20, none: "No request failed in these days." });
}

function scanners([rows], { name }) {
  return table([
    { title: "Agent", bar: (row) => row.requests, value: (row) => row.agent_name },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Errors", value: (row) => row.errors, figure: true },
    { title: "Addresses", value: (row) => row.addresses, figure: true },
  ], rows, { caption: "Scanners", name, none: "No scanner that names itself has come in these days." });
}

export const view = {
  title: "Errors and attacks",
  sections: [
    { id: "error-days", title: "Errors a day", about: "statuses of 400 and above", width: "twothirds", asks: ["statuses"], draw: days },
    { id: "error-statuses", title: "Statuses", width: "third", asks: ["statuses"], draw: statuses },
    { id: "error-paths", title: "Paths with most errors", width: "half", asks: [["paths", { by: "errors" }]], draw: paths },
    { id: "scanners", title: "Scanners", about: "agents that say that they look for holes", width: "half", asks: [["agents", { kind: "scanner" }]], draw: scanners },
  ],
};
