// When people come: a table of weekdays and hours, the fuller the darker.

import { count } from "./formats.js?v=VERSION";
import { element, empty } from "./elements.js?v=VERSION";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

export function heatmap(rows) {
  if (rows.length === 0) return empty("No requests in these days.");
  const means = new Map(rows.map((row) => [`${row.weekday} ${row.hour_of_day}`, row.requests / row.days]));
  const most = Math.max(...means.values(), 1);
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Hours of the week" },
    element("table", { class: "heatmap" },
      element("caption", { class: "unseen" }, "Mean requests of browsers in an hour, by weekday"),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, element("span", { class: "unseen" }, "Day")), HOURS.map((hour) => element("th", { scope: "col" }, hour % 3 === 0 ? String(hour).padStart(2, "0") : element("span", { class: "unseen" }, String(hour)))))),
      element("tbody", {}, DAYS.map((day, index) => element("tr", {}, element("th", { scope: "row" }, day), HOURS.map((hour) => {
        const mean = means.get(`${index + 1} ${hour}`);
        const text = mean === undefined ? `${day} ${hour}:00: none` : `${day} ${hour}:00: ${count(Math.round(mean))}`;
        const cell = element("td", { title: text }, element("span", { class: "unseen" }, mean === undefined ? "0" : count(Math.round(mean))));
        cell.style.setProperty("--share", String((mean ?? 0) / most));
        return cell;
      }))))));
}
