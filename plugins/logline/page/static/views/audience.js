// Who came, from where, with what.

import * as charts from "../charts.js?v=VERSION";
import { bytes, clock, count, words } from "../formats.js?v=VERSION";
import { empty } from "../elements.js?v=VERSION";
import { byDay, sumBy } from "../rows.js?v=VERSION";
import { table } from "../tables.js?v=VERSION";

function visitors([days], { period, pick }) {
  const within = days.filter((day) => day.log_date >= period.first && day.log_date <= period.last);
  if (within.length === 0) return empty("Nobody in these days.");
  return charts.days({ label: "Visitors a day", period, pick, series: [{ name: "Visitors", tone: "calm", format: count, values: byDay(within, "unique_visitors") }] });
}

function sources([rows], { name }) {
  const known = rows.filter((row) => row.site !== null && row.referer_class !== "internal");
  return table([
    { title: "Source", bar: (row) => row.requests, value: (row) => row.site },
    { title: "Kind", value: (row) => row.referer_class, show: (row) => words(row.referer_class ?? "not known yet") },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Visitors", value: (row) => row.unique_visitors, figure: true },
  ], known, { caption: "Sources", name, none: "No request came from another site: their referers are empty, or of your own hosts (LOGLINE_OWN_HOSTS)." });
}

// Requests by one column of the table of browsers.
function by(column, title) {
  return ([rows], { name }) => {
    const sums = sumBy(rows, (row) => row[column], "requests");
    const visitors = new Map(sumBy(rows, (row) => row[column], "unique_visitors").map(({ value, sum }) => [value, sum]));
    return table([
      { title, bar: (row) => row.sum, value: (row) => row.value, show: (row) => row.value ?? "unknown" },
      { title: "Requests", value: (row) => row.sum, figure: true },
      { title: "Visitors", value: (row) => visitors.get(row.value), figure: true },
    ], sums, { caption: title, name });
  };
}

function busiest([rows], { name }) {
  return table([
    { title: "Address", bar: (row) => row.requests, value: (row) => row.remote_addr },
    { title: "User agent", value: (row) => row.user_agent, show: (row) => row.user_agent ?? "(none)" },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Errors", value: (row) => row.errors, figure: true },
    { title: "Sent", value: (row) => row.bytes, show: (row) => bytes(row.bytes), figure: true },
    { title: "First", value: (row) => row.first_request, show: (row) => clock(row.first_request), figure: true },
    { title: "Last", value: (row) => row.last_request, show: (row) => clock(row.last_request), figure: true },
  ], rows, { caption: "Busiest visitors", name, none: "Nobody on the last day." });
}

export const view = {
  title: "Audience",
  sections: [
    { id: "visitors", title: "Visitors a day", about: "distinct pairs of address and user agent, crawlers left out", width: "full", asks: [["days", null]], draw: visitors },
    { id: "sources", title: "Sources", about: "other sites that sent requests", width: "half", asks: ["referers"], draw: sources },
    { id: "browsers", title: "Browsers", width: "half", asks: ["browsers"], draw: by("browser", "Browser") },
    { id: "systems", title: "Operating systems", width: "half", asks: ["browsers"], draw: by("os", "Operating system") },
    { id: "devices", title: "Devices", width: "half", asks: ["browsers"], draw: by("device", "Device") },
    { id: "busiest", title: "Busiest visitors", about: "of the last day alone", width: "full", asks: ["visitors"], draw: busiest },
  ],
};
