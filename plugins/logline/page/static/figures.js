// Key figures of a period, each with its change against the same days of the weeks before.

import { element } from "./elements.js?v=VERSION";
import { bytes, change, count, milliseconds, percent, points, short } from "./formats.js?v=VERSION";

const sum = (name) => (days) => days.reduce((total, day) => total + (day[name] ?? 0), 0);
const mean = (name) => (days) => (days.length ? Math.round(sum(name)(days) / days.length) : null);
const share = (part, whole) => (days) => (sum(whole)(days) ? sum(part)(days) / sum(whole)(days) : null);

function median(name) {
  return (days) => {
    const values = days.map((day) => day[name]).filter((value) => value !== null && value !== undefined).sort((a, b) => a - b);
    return values.length ? values[Math.floor(values.length / 2)] : null;
  };
}

const REQUESTS = { name: "Requests", of: sum("requests"), show: short, exact: count, more: "calm" };
const SENT = { name: "Sent", of: sum("bytes"), show: bytes, more: "calm" };

// `more` says whether more of it is good, bad or neither.
export const FIGURES = [
  REQUESTS,
  { name: "Visitors a day", of: mean("unique_visitors"), show: short, exact: count, more: "good" },
  { name: "By crawlers", of: share("bots", "requests"), show: percent, isShare: true, more: "calm" },
  SENT,
  { name: "Client errors", of: share("client_errors", "requests"), show: percent, isShare: true, more: "bad" },
  { name: "Server errors", of: share("server_errors", "requests"), show: percent, isShare: true, more: "bad" },
  { name: "p95, median day", of: median("p95_duration_ms"), show: milliseconds, more: "bad" },
];

export const OF_KIND = [
  REQUESTS,
  { name: "Of all requests", of: share("requests", "of_all"), show: percent, isShare: true, more: "calm" },
  SENT,
  { name: "Of all bytes", of: share("bytes", "bytes_of_all"), show: percent, isShare: true, more: "calm" },
  { name: "Errors", of: share("errors", "requests"), show: percent, isShare: true, more: "bad" },
];

// Days of a kind of agents, out of those of all kinds.
export function ofKind(rows, kind) {
  const days = new Map();
  for (const row of rows) {
    const day = days.get(row.log_date) ?? { log_date: row.log_date, requests: 0, bytes: 0, errors: 0, of_all: 0, bytes_of_all: 0 };
    days.set(row.log_date, day);
    day.of_all += row.requests;
    day.bytes_of_all += row.bytes;
    if (row.agent_kind === kind) for (const name of ["requests", "bytes", "errors"]) day[name] += row[name];
  }
  return [...days.values()];
}

function changed(figure, now, before) {
  const [value, past] = [figure.of(now), figure.of(before)];
  if (value === null || past === null || before.length !== now.length) return null;
  if (figure.isShare) return value - past;
  return past ? (value - past) / past : null;
}

export function figures(wanted, days, { now, before }) {
  const within = ({ first, last }) => days.filter((day) => day.log_date >= first && day.log_date <= last);
  const [current, past] = [within(now), within(before)];
  return wanted.map((figure) => {
    const value = figure.of(current);
    if (value === null && figure.name.startsWith("p95")) return null;
    const by = changed(figure, current, past);
    const tone = by === null || Math.abs(by) < (figure.isShare ? 0.0005 : 0.005) || figure.more === "calm" ? "muted" : (by > 0) === (figure.more === "good") ? "good" : "bad";
    return element("div", { class: "figure", "data-figure": figure.name },
      element("span", { class: "name" }, figure.name),
      element("span", { class: "value", title: (figure.exact ?? figure.show)(value) }, figure.show(value)),
      by === null
        ? element("span", { class: "change muted" }, "nothing to compare with")
        : element("span", { class: `change ${tone}`, title: `${figure.show(figure.of(past))} from ${before.first} to ${before.last}` },
          element("b", {}, figure.isShare ? points(by) : change(by)), ` from ${figure.show(figure.of(past))}`));
  }).filter(Boolean);
}
