// Tables: sorted by a click on a heading, searched, with bars behind the figures, and saved as CSV.

import { count } from "./formats.js?v=VERSION";
import { element, empty, save } from "./elements.js?v=VERSION";

const SHOWN = 10;

function quoted(value) {
  let text = value === null || value === undefined ? "" : String(value);
  // A spreadsheet must not take what a log line holds for a formula.
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(columns, rows) {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ value }) => value(row)))];
  return `${lines.map((line) => line.map(quoted).join(",")).join("\r\n")}\r\n`;
}

// The host of each row, where the rows are of several: a path belongs to its host.
export function ofHosts(rows) {
  const hosts = new Set(rows.map(({ host }) => host));
  return hosts.size > 1 ? [{ title: "Host", value: (row) => row.host, show: (row) => row.host ?? "(none)" }] : [];
}

// A column: `title`, `hint` (what the title leaves open), `value` of a row (plain, also for CSV and sorting), `show` of a row
// (what the cell has), `figure` for columns of numbers, `bar` gives the figure whose share of the largest the cell shows,
// `within` for what another column shows: it is searched and saved, and has no cells.
export function table(columns, rows, { caption, name, none = "Nothing in these days.", shown = SHOWN }) {
  if (rows.length === 0) return empty(none);
  let order = null, wanted = "", all = false;
  const place = element("div", { class: "table" });
  const body = element("tbody");
  const more = element("button", { type: "button", class: "more", onclick: () => { all = !all; fill(); } });
  const most = new Map(columns.map((column) => [column, column.bar ? Math.max(...rows.map((row) => column.bar(row) ?? 0), Number.MIN_VALUE) : 0]));
  const texts = columns.filter(({ figure }) => !figure);
  const drawn = columns.filter(({ within }) => !within);

  const cell = (column, row) => {
    const value = column.value(row);
    const made = element("td", { class: [column.figure ? "figure" : "text", column.bar ? "bar" : ""].join(" ").trim(), "data-title": column.title },
      column.show ? column.show(row) : column.figure ? count(value) : value ?? "–");
    if (column.bar) made.style.setProperty("--share", String((column.bar(row) ?? 0) / most.get(column)));
    return made;
  };
  const headings = drawn.map((column) => element("th", { scope: "col", class: column.figure ? "figure" : "text" },
    element("button", { type: "button", title: column.hint, onclick: () => {
      order = order?.column === column ? { column, up: !order.up } : { column, up: !column.figure };
      fill();
    } }, column.title)));

  const compared = (a, b) => {
    const [one, other] = [order.column.value(a), order.column.value(b)];
    if (one === other) return 0;
    if (one === null || one === undefined) return 1;
    if (other === null || other === undefined) return -1;
    return (one < other ? -1 : 1) * (order.up ? 1 : -1);
  };
  const fill = () => {
    const found = rows.filter((row) => wanted === "" || texts.some(({ value }) => String(value(row) ?? "").toLowerCase().includes(wanted)));
    const ordered = order ? [...found].sort(compared) : found;
    body.replaceChildren(...ordered.slice(0, all ? undefined : shown).map((row) =>
      element("tr", {}, drawn.map((column) => cell(column, row)))));
    if (found.length === 0) body.append(element("tr", {}, element("td", { colspan: drawn.length, class: "empty" }, "Nothing matches.")));
    more.hidden = found.length <= shown;
    more.textContent = all ? "Show fewer" : `Show all ${count(found.length)}`;
    headings.forEach((heading, index) => {
      if (order?.column === drawn[index]) heading.setAttribute("aria-sort", order.up ? "ascending" : "descending");
      else heading.removeAttribute("aria-sort");
    });
  };
  const search = rows.length > shown
    ? element("input", { type: "search", placeholder: "Search", "aria-label": `Search in ${caption}`, oninput: (event) => { wanted = event.target.value.trim().toLowerCase(); fill(); } })
    : null;
  const export_ = element("button", { type: "button", class: "csv", "aria-label": `Save ${caption} as CSV`, onclick: () => save(`${name}.csv`, csv(columns, rows)) }, "CSV");
  fill();
  place.append(
    element("div", { class: "tools" }, search, export_),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      element("table", {}, element("caption", { class: "unseen" }, caption), element("thead", {}, element("tr", {}, headings)), body)),
    more,
  );
  return place;
}
