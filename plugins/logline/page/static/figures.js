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

// `more` says whether more of it is good, bad or neither.
export const FIGURES = [
  { name: "Requests", of: sum("requests"), show: short, exact: count, more: "calm" },
  { name: "Visitors a day", of: mean("unique_visitors"), show: short, exact: count, more: "good" },
  { name: "By crawlers", of: share("bots", "requests"), show: percent, isShare: true, more: "calm" },
  { name: "Sent", of: sum("bytes"), show: bytes, more: "calm" },
  { name: "Client errors", of: share("client_errors", "requests"), show: percent, isShare: true, more: "bad" },
  { name: "Server errors", of: share("server_errors", "requests"), show: percent, isShare: true, more: "bad" },
  { name: "p95, median day", of: median("p95_duration_ms"), show: milliseconds, more: "bad" },
];

function changed(figure, now, before) {
  const [value, past] = [figure.of(now), figure.of(before)];
  if (value === null || past === null || before.length !== now.length) return null;
  if (figure.isShare) return value - past;
  return past ? (value - past) / past : null;
}

export function figures(days, { now, before }) {
  const within = ({ first, last }) => days.filter((day) => day.log_date >= first && day.log_date <= last);
  const [current, past] = [within(now), within(before)];
  return FIGURES.map((figure) => {
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
  });
}
