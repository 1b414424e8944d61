// Elements. Text is only ever set as text: what came out of a log line cannot become markup.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function pill(text, tone) {
  return element("span", { class: `pill ${tone}` }, text);
}

export function empty(...content) {
  return element("p", { class: "empty" }, content);
}

export function facts(entries) {
  return element("dl", {}, entries.map(([name, value, kind]) =>
    element("div", { class: kind ?? null }, element("dt", {}, name), element("dd", { "data-fact": name }, value))));
}

// The page around this one, where Airflow shows it in a frame of its own.
export function outside() {
  return window.parent;
}

// An address of Airflow's own UI, which may be served below a path.
export function ofAirflow(path) {
  return new URL(`../${path}`, window.location.href).pathname;
}

// The frame may open nothing by itself: the page around it does.
function click(attributes) {
  const anchor = Object.assign(outside().document.createElement("a"), attributes);
  anchor.click();
}

export function link(text, href, { fresh = false } = {}) {
  const follow = (event) => {
    if (outside() === window || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    click({ href: new URL(href, window.location.origin).href, ...(fresh ? { target: "_blank", rel: "noopener" } : {}) });
  };
  return element("a", { href, onclick: follow, ...(fresh ? { target: "_blank", rel: "noopener" } : {}) }, text);
}

// A runbook: a link where it has an address, else where it stands in the repository.
export function runbook(place) {
  if (!place) return null;
  const name = place.split("#").at(-1);
  return /^https?:/.test(place) ? link(`runbook ${name}`, place, { fresh: true }) : element("code", { class: "runbook" }, place);
}

export function runLink(dagId, runId, text = runId) {
  return link(text, ofAirflow(`dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}`));
}

export function dagLink(dagId) {
  return link(dagId, ofAirflow(`dags/${encodeURIComponent(dagId)}`));
}

export function save(name, text) {
  const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  click({ href, download: name });
  window.setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
