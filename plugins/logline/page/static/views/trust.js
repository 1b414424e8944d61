// Whether the figures are right, and how that is known.

import * as charts from "../charts.js?v=VERSION";
import { count, dayName, instant, words } from "../formats.js?v=VERSION";
import { element, empty, pill, runLink } from "../elements.js?v=VERSION";
import { byDay, sumBy } from "../rows.js?v=VERSION";
import { table } from "../tables.js?v=VERSION";

function judged(day) {
  if (day.not_passed.some(({ level }) => level === "fail")) return ["does not agree", "bad"];
  if (day.build?.last_decision === "reopened") return ["late lines wait", "warn"];
  if (day.unread) return ["objects unread", "warn"];
  return day.not_passed.length ? ["agrees, with a warning", "warn"] : ["agrees", "good"];
}

function fault({ check_name, expected, actual, message }) {
  return element("div", { class: "reason" }, element("b", {}, check_name), `: ${count(actual)} where ${count(expected)} was expected. ${message}`);
}

function days([checks, builds, unread], { name }) {
  const built = new Map((builds ?? []).map((build) => [build.log_date, build]));
  const left = new Map();
  for (const { log_date } of unread ?? []) left.set(log_date, (left.get(log_date) ?? 0) + 1);
  const rows = checks.map((row) => ({ ...row, build: built.get(row.log_date), unread: left.get(row.log_date) }));
  return table([
    { title: "Day", value: (day) => day.log_date, show: (day) => element("span", { class: "day" }, dayName(day.log_date)) },
    { title: "Verdict", value: (day) => judged(day)[0], show: (day) => pill(...judged(day)) },
    { title: "Lines", value: (day) => day.lines, figure: true },
    { title: "Rejected", value: (day) => day.rejected, figure: true },
    { title: "Landed", value: (day) => day.landed, figure: true },
    { title: "Requests", value: (day) => day.build?.requests, figure: true },
    { title: "Duplicates", value: (day) => (day.landed === null || !day.build ? null : day.landed - day.build.requests), figure: true },
    { title: "Checks", value: (day) => day.checks - day.not_passed.length, show: (day) => `${day.checks - day.not_passed.length} of ${day.checks}`, figure: true },
    { title: "Checked", value: (day) => day.checked_at, show: (day) => runLink("daily_summary", day.run_id, instant(day.checked_at)), figure: true },
    { title: "What did not pass", value: (day) => day.not_passed.map(({ check_name }) => check_name).join("; "), show: (day) => (day.not_passed.length ? day.not_passed.map(fault) : element("span", { class: "faint" }, "nothing")) },
  ], rows, { caption: "The balance of each day", name, shown: 31, none: "None of these days has been built: daily_summary checks each day that it builds." });
}

const REASONS = {
  not_matching_format: "its fields are not those of the format", bad_timestamp: "its time is no real one, or not as the format writes it",
  bad_status: "its status is no number from 100 to 999", bad_size: "its size is no number", bad_duration: "its duration is no number",
  line_too_long: "longer than 1 MiB",
};
const TONES = ["calm", "fourth", "bad", "fifth", "third", "muted"];

function rejectionDays([rows], { period, pick }) {
  if (rows.length === 0) return empty("No line of these days was rejected.");
  const series = sumBy(rows, (row) => row.error_type, "lines").map(({ value }, index) => ({
    name: words(value), tone: TONES[index % TONES.length], format: count, values: byDay(rows.filter((row) => row.error_type === value), "lines"),
  }));
  return charts.days({ label: "Rejected lines a day, by reason", period, series, pick });
}

function rejections([rows], { name }) {
  return table([
    { title: "Reason", bar: (row) => row.lines, value: (row) => words(row.error_type) },
    { title: "That is", value: (row) => REASONS[row.error_type] ?? row.error_type },
    { title: "Source", value: (row) => row.source },
    { title: "Lines", value: (row) => row.lines, figure: true },
    { title: "Days", value: (row) => row.days, figure: true },
    { title: "Last day", value: (row) => row.last_day, show: (row) => dayName(row.last_day), figure: true },
    { title: "Most of them from", value: (row) => row.most_of },
  ], rows, { caption: "Why lines were rejected", name, none: "No line of these days was rejected." });
}

export const view = {
  title: "Trust",
  // Of runs, files and checks: no host, no agent.
  isFiltered: false,
  sections: [
    { id: "balance", title: "The balance of each day", about: "lines = rows + rejected + blank, landed = requests + duplicates, and every daily table adds up to requests", width: "full", asks: ["checks", "builds", ["unread", null]], draw: days },
    { id: "rejection-days", title: "Rejected lines a day", about: "by reason", width: "full", asks: ["rejection_days"], draw: rejectionDays },
    { id: "rejections", title: "Why lines were rejected", about: "rejected_lines has each with its bytes; dead_letter_replay reads them again", width: "full", asks: ["rejections"], draw: rejections },
  ],
};
