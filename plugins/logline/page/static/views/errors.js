// What failed, and who tries doors.

import * as charts from "../charts.js?v=VERSION";
import { count, instant, percent, words } from "../formats.js?v=VERSION";
import { element, empty, pill } from "../elements.js?v=VERSION";
import { byDay, sumBy } from "../rows.js?v=VERSION";
import { CLASSES, MEANINGS, classOf } from "../statuses.js?v=VERSION";
import { ofHosts, table } from "../tables.js?v=VERSION";

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

function failed([rows], { name }) {
  return table([
    { title: "Path", bar: (row) => row.requests, value: (row) => row.path, show: (row) => (row.is_rest ? "(all others)" : row.path ?? "(no request line)") },
    ...ofHosts(rows),
    { title: "Status", value: (row) => row.status, show: (row) => pill(row.status, TONES.get(classOf(row.status))) },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Addresses", hint: "On the day and from the page with most: at least so many", value: (row) => row.addresses, show: (row) => `≥ ${count(row.addresses)}`, figure: true },
    { title: "Pages that link there", value: (row) => row.referers, figure: true },
    { title: "First", value: (row) => row.first_seen, show: (row) => instant(row.first_seen), figure: true },
    { title: "Last", value: (row) => row.last_seen, show: (row) => instant(row.last_seen), figure: true },
  ], rows, { caption: "What failed", name, shown: 15, none: "No request failed in these days." });
}

function links([rows], { name }) {
  return table([
    { title: "Page", bar: (row) => row.requests, value: (row) => row.referer },
    { title: "Links to", value: (row) => row.path },
    ...ofHosts(rows),
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Last", value: (row) => row.last_seen, show: (row) => instant(row.last_seen), figure: true },
  ], rows, { caption: "Broken links", name, none: "No page that is known to be yours links to something that is gone. Yours are those of the host itself, where the log names it, and of LOGLINE_OWN_HOSTS." });
}

// Addresses are counted for each day and host, and may be the same on another.
const MOST = "On the day and of the host with most: at least so many";
const SEVERITIES = [["critical", "bad"], ["high", "fourth"], ["medium", "calm"], ["low", "muted"]];
const SEVERITY_TONES = new Map([["critical", "bad"], ["high", "warn"], ["medium", "calm"], ["low", "muted"]]);

function attackDays([rows], { period, pick }) {
  if (rows.length === 0) return empty("No attack was found in these days.");
  const series = SEVERITIES.map(([name, tone]) => ({ name: words(name), tone, format: count, values: byDay(rows.filter((row) => row.severity === name), "requests") }));
  return charts.days({ label: "Attacks and probes a day, by severity", period, series: series.filter(({ values }) => values.size), pick });
}

function detections([rows], { name }) {
  return table([
    { title: "Found", bar: (row) => row.requests, value: (row) => words(row.detection),
      show: (row) => [words(row.detection), element("div", { class: "details" }, row.tags)] },
    { title: "Severity", value: (row) => row.severity, show: (row) => pill(row.severity, SEVERITY_TONES.get(row.severity) ?? "muted") },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Answered", value: (row) => row.answered, show: (row) => (row.answered ? element("b", {}, count(row.answered)) : "0"), figure: true },
    { title: "Addresses", hint: MOST, value: (row) => row.addresses, figure: true },
    { title: "Last", value: (row) => row.last_seen, show: (row) => instant(row.last_seen), figure: true },
    { title: "Example", value: (row) => row.example, show: (row) => element("code", { class: "long", title: row.example }, row.example) },
    { title: "Tags", value: (row) => row.tags, within: true },
  ], rows, { caption: "Attacks and probes", name, shown: 20, none: "No attack was found in these days." });
}

function unusual([rows], { name }) {
  return table([
    { title: "Hour", value: (row) => row.hour, show: (row) => (row.measure === "silence" ? `from ${instant(row.hour)}` : instant(row.hour)) },
    { title: "Host", value: (row) => row.host ?? "(none)" },
    { title: "What was unusual", value: (row) => row.sentence },
    { title: "Deviations", value: (row) => row.deviation, show: (row) => row.deviation.toFixed(1), figure: true },
  ], rows, { caption: "What was unusual", name, shown: 10, none: "No hour was far from what its hour of the week mostly has. It takes four weeks of days to know." });
}

function scanners([rows], { name }) {
  return table([
    { title: "Agent", bar: (row) => row.requests, value: (row) => row.agent_name },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Errors", value: (row) => row.errors, figure: true },
    { title: "Addresses", hint: MOST, value: (row) => row.addresses, figure: true },
  ], rows, { caption: "Scanners", name, none: "No scanner that names itself has come in these days." });
}

export const view = {
  title: "Errors and attacks",
  sections: [
    { id: "error-days", title: "Errors a day", about: "statuses of 400 and above", width: "twothirds", asks: ["statuses"], draw: days },
    { id: "error-statuses", title: "Statuses", width: "third", asks: ["statuses"], draw: statuses },
    { id: "failed", title: "What failed", about: "by path and status", width: "full", asks: ["errors"], draw: failed },
    { id: "broken-links", title: "Broken links", about: "of your own pages", width: "full", asks: ["broken_links"], draw: links },
    { id: "attack-days", title: "Attacks and probes a day", about: "a request in which two things were found counts twice", width: "half", asks: ["detection_days"], draw: attackDays },
    { id: "detections", title: "Attacks and probes", about: "answered: with a status below 400, so it may have succeeded", width: "full", asks: ["detections"], draw: detections },
    { id: "unusual", title: "What was unusual", about: "beside the same hour of the weekdays before", width: "full", asks: ["anomalies"], draw: unusual },
    { id: "scanners", title: "Scanners", about: "agents that say that they look for holes", width: "full", asks: [["agents", { kind: "scanner" }]], draw: scanners },
  ],
};
