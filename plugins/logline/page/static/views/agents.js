// Crawlers, AI and tools: who they are, what they take, and whether they are who they say.

import * as charts from "../charts.js?v=VERSION";
import { bytes, count, dayName, percent, words } from "../formats.js?v=VERSION";
import { element, empty, pill } from "../elements.js?v=VERSION";
import { byDay, sumBy } from "../rows.js?v=VERSION";
import { table } from "../tables.js?v=VERSION";

const TONES = ["calm", "second", "third", "fourth", "fifth"];

function days([rows], { period, kind, pick }) {
  const agents = rows.filter((row) => (kind ? row.agent_kind === kind : row.agent_kind !== "browser"));
  if (agents.length === 0) return empty(kind ? `No ${words(kind)} in these days.` : "No crawler has come in these days.");
  const kinds = sumBy(agents, (row) => row.agent_kind, "requests").map(({ value }) => value);
  const named = kinds.slice(0, TONES.length);
  const series = named.map((name, index) => ({ name: words(name), tone: TONES[index], format: count, values: byDay(agents.filter((row) => row.agent_kind === name), "requests") }));
  const others = agents.filter((row) => !named.includes(row.agent_kind));
  if (others.length) series.push({ name: "Others", tone: "muted", format: count, values: byDay(others, "requests") });
  return charts.days({ label: "Requests of agents a day, by kind", period, series, pick });
}

function kinds([rows], { name, choose }) {
  const sums = sumBy(rows, (row) => row.agent_kind, "requests");
  const all = sums.reduce((total, { sum }) => total + sum, 0);
  return table([
    { title: "Kind", bar: ({ sum }) => sum, value: ({ value }) => words(value), show: ({ value }) => (value ? element("button", { type: "button", class: "choice", onclick: () => choose({ kind: value }) }, words(value)) : words(value)) },
    { title: "Requests", value: ({ sum }) => sum, figure: true },
    { title: "Share", value: ({ sum }) => sum / all, show: ({ sum }) => percent(sum / all), figure: true },
  ], sums, { caption: "Kinds of agents", name, shown: 12 });
}

const verified = (value) => (value === true ? pill("verified", "good") : value === false ? pill("not from its operator", "bad") : element("span", { class: "faint" }, "no ranges published"));

function names([rows], { name }) {
  return table([
    { title: "Agent", bar: (row) => row.requests, value: (row) => row.agent_name, show: (row) => row.agent_name ?? words(row.agent_kind) },
    { title: "Kind", value: (row) => words(row.agent_kind) },
    { title: "Operator", value: (row) => row.agent_operator },
    { title: "Addresses are", value: (row) => (row.agent_verified === null ? "unknown" : row.agent_verified ? "verified" : "foreign"), show: (row) => verified(row.agent_verified) },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Errors", value: (row) => row.errors / row.requests, show: (row) => percent(row.errors / row.requests), figure: true },
    { title: "Sent", value: (row) => row.bytes, show: (row) => bytes(row.bytes), figure: true },
    { title: "Last seen", value: (row) => row.last_day, show: (row) => dayName(row.last_day), figure: true },
  ], rows, { caption: "Agents", name, shown: 25, none: "No crawler has come in these days." });
}

export const view = {
  title: "Agents",
  sections: [
    { id: "agent-days", title: "Requests a day, by kind", width: "twothirds", asks: ["agent_days"], draw: days },
    { id: "kinds", title: "Kinds", about: "browsers too", width: "third", asks: ["agent_days"], draw: kinds },
    { id: "agents", title: "Agents", about: "verified: their addresses lie in the ranges that the operator publishes", width: "full", asks: [["agents", "kind"]], draw: names },
  ],
};
