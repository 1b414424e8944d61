// Key figures of a period, each with its change against the same days of the weeks before.

import { element } from "./elements.js?v=VERSION";
import { bytes, change, count, milliseconds, percent, plural, points, short } from "./formats.js?v=VERSION";
import { list, today } from "./days.js?v=VERSION";

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

// What stands below the figures: which days they are of, and which they are compared with, or why with none.
function comparison({ now, before }, current, past) {
  const chosen = list(now.first, now.last);
  const earlier = list(before.first, before.last);
  const [have, had] = [current, past].map((days) => new Set(days.map(({ log_date }) => log_date)));
  const these = chosen.length === 1 ? "this day" : `the ${chosen.length} days`;
  const those = chosen.length === 1 ? before.first : `${before.first} to ${before.last}`;
  const lacking = chosen.length - have.size;
  const of = lacking && have.size ? `${plural(lacking, "day")} of these ${chosen.length} not summarised. ` : "";
  if (have.size === 0) return { text: `Nothing has been summarised of ${these}.`, isFair: false };
  if (have.has(today())) return { text: `${of}Today is not over: not compared with ${those}.`, isFair: false };
  if (chosen.some((day, index) => have.has(day) !== had.has(earlier[index]))) {
    const few = had.size ? "of which other days are summarised" : `of which ${chosen.length === 1 ? "nothing" : "no day"} is summarised`;
    return { text: `${of}Not compared with ${those}, ${few}.`, isFair: false };
  }
  return { text: `${of}Compared with ${those}.`, isFair: true };
}

function changed(figure, now, before) {
  const [value, past] = [figure.of(now), figure.of(before)];
  if (value === null || past === null) return null;
  if (figure.isShare) return value - past;
  return past ? (value - past) / past : null;
}

export function figures(wanted, days, { now, before }) {
  const within = ({ first, last }) => days.filter((day) => day.log_date >= first && day.log_date <= last);
  const [current, past] = [within(now), within(before)];
  const { text, isFair } = comparison({ now, before }, current, past);
  const cells = wanted.map((figure) => {
    const value = figure.of(current);
    if (value === null && figure.name.startsWith("p95")) return null;
    const by = isFair ? changed(figure, current, past) : null;
    const tone = by === null || Math.abs(by) < (figure.isShare ? 0.0005 : 0.005) || figure.more === "calm" ? "muted" : (by > 0) === (figure.more === "good") ? "good" : "bad";
    return element("div", { class: "figure", "data-figure": figure.name },
      element("span", { class: "name" }, figure.name),
      element("span", { class: "value", title: (figure.exact ?? figure.show)(value) }, figure.show(value)),
      by === null
        ? null
        : element("span", { class: `change ${tone}`, title: `${figure.show(figure.of(past))} from ${before.first} to ${before.last}` },
          element("b", {}, figure.isShare ? points(by) : change(by)), ` from ${figure.show(figure.of(past))}`));
  });
  return [...cells.filter(Boolean), element("p", { class: "comparison" }, text)];
}
