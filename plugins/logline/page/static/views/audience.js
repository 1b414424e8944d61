// Who came, from where, with what.

import * as charts from "../charts.js?v=VERSION";
import { bytes, clock, count, decimal, percent, words } from "../formats.js?v=VERSION";
import { empty } from "../elements.js?v=VERSION";
import { ADDED_UP, byDay, sumBy } from "../rows.js?v=VERSION";
import { ofHosts, table } from "../tables.js?v=VERSION";

function visitors([days], { period, pick }) {
  const within = days.filter((day) => day.log_date >= period.first && day.log_date <= period.last);
  if (within.length === 0) return empty("Nobody in these days.");
  return charts.days({ label: "Visitors a day", period, pick, series: [{ name: "Visitors", tone: "calm", format: count, values: byDay(within, "unique_visitors") }] });
}

const CHANNELS = [["direct", "calm"], ["search", "third"], ["social", "fifth"], ["ai", "fourth"], ["mail", "bad"], ["campaign", "sixth"], ["internal", "second"], ["other", "muted"]];
const NO_VISITS = "No visits in these days. Days summed up before visits were counted have them once daily_summary builds them again.";

function visits([rows], { period, pick }) {
  if (rows.length === 0) return empty(NO_VISITS);
  const series = CHANNELS.map(([name, tone]) => ({ name: words(name), tone, format: count, values: byDay(rows.filter((row) => row.channel === name), "visits") }));
  return charts.days({ label: "Visits a day, by channel", period, pick, series: series.filter(({ values }) => values.size) });
}

const bounced = (row) => (row.visits ? row.bounces / row.visits : null);
const pagesOf = (row) => (row.visits ? row.pages / row.visits : null);

function channels([rows], { name }) {
  return table([
    { title: "Source", bar: (row) => row.visits, value: (row) => row.source, show: (row) => row.source ?? "(no referer)" },
    { title: "Channel", value: (row) => words(row.channel) },
    { title: "Campaign", value: (row) => row.campaign },
    { title: "Visits", value: (row) => row.visits, figure: true },
    { title: "Bounced", value: bounced, show: (row) => percent(bounced(row)), figure: true },
    { title: "Pages a visit", value: pagesOf, show: (row) => decimal(pagesOf(row)), figure: true },
  ], rows, { caption: "Sources of visits", name, none: NO_VISITS });
}

function pages([rows], { name }) {
  const left = (row) => (row.entries ? row.bounces / row.entries : null);
  return table([
    { title: "Page", bar: (row) => row.views, value: (row) => row.path },
    ...ofHosts(rows),
    { title: "Views", value: (row) => row.views, figure: true },
    { title: "Entries", value: (row) => row.entries, figure: true },
    { title: "Exits", value: (row) => row.exits, figure: true },
    { title: "Bounced", value: left, show: (row) => percent(left(row)), figure: true },
  ], rows, { caption: "Pages", name, none: NO_VISITS });
}

function sources([rows], { name }) {
  const known = rows.filter((row) => row.site !== null && row.site_class !== "internal");
  return table([
    { title: "Source", bar: (row) => row.requests, value: (row) => row.site },
    { title: "Kind", hint: "Other: your own hosts too, unless LOGLINE_OWN_HOSTS names them", value: (row) => row.site_class, show: (row) => words(row.site_class ?? "not known yet") },
    { title: "Requests", value: (row) => row.requests, figure: true },
    { title: "Visitors", hint: ADDED_UP, value: (row) => row.unique_visitors, figure: true },
  ], known, { caption: "Sites that sent requests", name, none: "No request came from another site: their referers are empty, or of your own hosts." });
}

// What agents say of themselves: Chrome's reduced user agent names every Android device K.
const DEVICES = { K: "Android, model not told", Other: "Other, computers too" };

// Requests by one column of the table of browsers.
function by(column, title, names = {}) {
  return ([rows], { name }) => {
    const sums = sumBy(rows, (row) => row[column], "requests");
    const visitors = new Map(sumBy(rows, (row) => row[column], "unique_visitors").map(({ value, sum }) => [value, sum]));
    return table([
      { title, bar: (row) => row.sum, value: (row) => row.value, show: (row) => names[row.value] ?? row.value ?? "unknown" },
      { title: "Requests", value: (row) => row.sum, figure: true },
      { title: "Visitors", hint: ADDED_UP, value: (row) => visitors.get(row.value), figure: true },
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
    { id: "visitors", title: "Visitors a day", about: "pairs of address and user agent, crawlers left out", width: "half", asks: [["days", null]], draw: visitors },
    { id: "visits", title: "Visits a day", about: "by what brought them", width: "half", asks: ["channel_days"], draw: visits },
    { id: "channels", title: "What brought visits", width: "half", asks: ["channels"], draw: channels },
    { id: "pages", title: "Pages", about: "assets, probes and crawlers apart", width: "half", asks: ["pages"], draw: pages },
    { id: "sources", title: "Sites that sent requests", about: "by their referer", width: "half", asks: ["referers"], draw: sources },
    { id: "browsers", title: "Browsers", width: "half", asks: ["browsers"], draw: by("browser", "Browser") },
    { id: "systems", title: "Operating systems", width: "half", asks: ["browsers"], draw: by("os", "Operating system") },
    { id: "devices", title: "Devices", width: "half", asks: ["browsers"], draw: by("device", "Device", DEVICES) },
    { id: "busiest", title: "Busiest visitors", about: "of the last day alone", width: "full", asks: ["visitors"], draw: busiest },
  ],
};
