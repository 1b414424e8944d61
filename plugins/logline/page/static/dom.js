// Elements and figures. Text is only ever set as text: what came out of a log line cannot become markup.

const COUNT = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export function count(value) {
  return value === null || value === undefined ? "–" : COUNT.format(value);
}

export function short(value) {
  return value === null || value === undefined ? "–" : SHORT.format(value);
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export function percent(share) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)} %`;
}

export function milliseconds(value) {
  return value === null || value === undefined ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function instant(value) {
  return value ? `${value.slice(0, 10)} ${value.slice(11, 19)}` : "–";
}

export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return value < 172800 ? `${Math.round(value / 3600)} h` : `${Math.round(value / 86400)} days`;
}

export function ago(value) {
  return value ? `${seconds(Math.max(0, (Date.now() - Date.parse(value)) / 1000))} ago` : "never";
}

// Columns: [title, value of a row, "text" for columns that are no figures].
export function table(columns, rows, { caption, empty = "Nothing yet." } = {}) {
  if (rows.length === 0) return element("p", { class: "empty" }, empty);
  const kind = (column) => (column[2] === "text" ? "text" : "figure");
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, columns.map((column) => element("th", { class: kind(column), scope: "col" }, column[0])))),
      element(
        "tbody",
        {},
        rows.map((row) =>
          element("tr", { "data-row": String(row.key ?? "") }, columns.map((column) => element("td", { class: kind(column) }, column[1](row)))),
        ),
      ),
    ),
  );
}

export function pill(text, tone) {
  return element("span", { class: `pill ${tone}` }, text);
}

// An address of Airflow's own UI, which may be served below a path.
export function ofAirflow(path) {
  return new URL(`../${path}`, window.location.href).pathname;
}

// The page lives in a frame that may open nothing by itself: a link is followed by the page around it.
export function link(text, href, { fresh = false } = {}) {
  const follow = (event) => {
    if (window.parent === window || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const outside = window.parent.document.createElement("a");
    outside.href = new URL(href, window.location.origin).href;
    if (fresh) Object.assign(outside, { target: "_blank", rel: "noopener" });
    outside.click();
  };
  return element("a", { href, onclick: follow, ...(fresh ? { target: "_blank", rel: "noopener" } : {}) }, text);
}
