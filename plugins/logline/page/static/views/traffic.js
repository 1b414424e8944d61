// How much was asked for, when, and what for.

import * as charts from "../charts.js?v=VERSION";
import { bytes, count, percent, words } from "../formats.js?v=VERSION";
import { element, empty } from "../elements.js?v=VERSION";
import { heatmap } from "../heatmap.js?v=VERSION";
import { ofHosts, table } from "../tables.js?v=VERSION";
import { ADDED_UP, byDay } from "../rows.js?v=VERSION";
import { CLASSES, classOf } from "../statuses.js?v=VERSION";

function requests([rows], { period, kind, pick }) {
  if (rows.length === 0) return empty("No requests in these days. Choose other days, or load some with log_backfill.");
  const [shown, key] = kind ? [rows.filter((row) => row.agent_kind === kind), () => kind] : [rows, (row) => (row.agent_kind === "browser" ? "browser" : row.agent_kind === null ? null : "bot")];
  const names = kind ? [[kind, words(kind), "calm"]] : [["browser", "Browsers", "calm"], ["bot", "Crawlers and tools", "second"], [null, "Without a user agent", "muted"]];
  const series = names.map(([name, title, tone]) => ({ name: title, tone, values: byDay(shown.filter((row) => key(row) === name), "requests"), format: count }));
  return charts.days({ label: "Requests a day", period, series: series.filter(({ values }) => values.size), pick });
}

function statuses([rows], { period, pick }) {
  if (rows.length === 0) return empty("No requests in these days.");
  const series = CLASSES.map(([name, tone]) => ({ name, tone, format: count, values: byDay(rows.filter((row) => classOf(row.status) === name), "requests") }));
  return charts.days({ label: "Requests a day, by class of status", period, series: series.filter(({ values }) => values.size), pick });
}

function hours([rows], { period }) {
  if (rows.length === 0) return empty("No requests in these days.");
  const of = (value) => new Map(rows.map((row) => [Date.parse(row.hour) / 1000, value(row)]));
  return charts.hours({
    label: "Requests by the hour", period,
    series: [
      { name: "Browsers", tone: "calm", format: count, values: of((row) => row.requests - row.bots) },
      { name: "Crawlers and tools", tone: "second", format: count, values: of((row) => row.bots) },
    ],
  });
}

function paths([rows], { name }) {
  return table([
    { title: "Path", bar: (row) => row.requests, value: (row) => row.path, show: (row) => row.path ?? "(no request line)" },
    ...ofHosts(rows),
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Visitors", hint: ADDED_UP, value: (row) => row.unique_visitors, figure: true },
    { title: "Errors", value: (row) => row.errors, figure: true },
    { title: "Sent", value: (row) => row.bytes, show: (row) => bytes(row.bytes), figure: true },
  ], rows, { caption: "Paths asked for most", name, shown: 15 });
}

function hosts([rows], { name, choose }) {
  if (rows.length && rows.every(({ host }) => host === null)) return empty("These logs name no host: with nginx, add $host to the log_format; with Apache, %v.");
  return table([
    { title: "Host", bar: (row) => row.requests, value: (row) => row.host, show: (row) => element("button", { type: "button", class: "choice", onclick: () => choose({ host: row.host ?? "(none)" }) }, row.host ?? "(none)") },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "By crawlers", value: (row) => row.bots / row.requests, show: (row) => percent(row.bots / row.requests), figure: true },
    { title: "Client errors", value: (row) => row.client_errors / row.requests, show: (row) => percent(row.client_errors / row.requests), figure: true },
    { title: "Server errors", value: (row) => row.server_errors / row.requests, show: (row) => percent(row.server_errors / row.requests), figure: true },
    { title: "Sent", value: (row) => row.bytes, show: (row) => bytes(row.bytes), figure: true },
  ], rows, { caption: "Hosts", name });
}

export const view = {
  title: "Traffic",
  sections: [
    { id: "requests", title: "Requests a day", about: "who asked; click a day to see it alone", width: "half", asks: ["agent_days"], draw: requests },
    { id: "statuses", title: "Answers a day", about: "by class of status", width: "half", asks: ["statuses"], draw: statuses },
    { id: "hours", title: "By the hour", width: "full", when: ({ days }) => Number(days) <= 7, asks: ["hours"], draw: hours },
    { id: "week", title: "Hours of the week", about: "requests of browsers, mean of an hour", width: "half", when: ({ days }) => Number(days) >= 7, asks: ["week"], draw: ([rows]) => heatmap(rows) },
    { id: "hosts", title: "Hosts", about: "a click shows one alone", width: "half", asks: ["hosts"], draw: hosts, when: ({ host }) => !host },
    { id: "paths", title: "Most asked for", about: "all requests, crawlers' too", width: "full", asks: [["paths", { by: "requests" }]], draw: paths },
  ],
};
