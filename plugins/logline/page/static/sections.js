// Sections of a view: each shows what its answers hold, or says in a sentence why it shows nothing.

import { element, pill } from "./elements.js?v=VERSION";
import { fetched } from "./answers.js?v=VERSION";

const WITHOUT_HOST = ["hosts", "checks", "builds", "rejected", "rejections", "rejection_days"];
const WITH_KIND = ["agent_days", "agents"];

// The days of the chosen host, or of all.
export function daysOf({ host }) {
  return host ? ["host_days", { host }] : ["days", {}];
}

// What a section asks for: [path, what to say beside the period]; null says nothing, "kind" the chosen kind of agent.
function asked(entry, context) {
  const [path, more] = Array.isArray(entry) ? entry : [entry, {}];
  if (path === "days") return daysOf(context);
  if (more === null) return [path, {}];
  if (path === "run" || path === "ledger") return [path, more];
  const said = more === "kind" ? { kind: context.kind } : more;
  const host = WITHOUT_HOST.includes(path) ? null : context.host;
  return [path, { first_day: context.period.first, last_day: context.period.last, host, ...said }];
}

export function frame({ id, title, about, width }) {
  return element("section", { id, class: `${width} waiting`, "aria-busy": "true", "aria-labelledby": `${id}-title` },
    element("div", { class: "head" }, element("h2", { id: `${id}-title` }, title), about ? element("p", {}, about) : null, element("span", { class: "tags" })),
    element("div", { class: "body" }, element("p", { class: "empty" }, "…")));
}

// The filters that are chosen and that none of a section's tables can follow, as its heading says them.
export function unfollowed(asks, { host, kind }) {
  const paths = asks.map((entry) => [entry].flat()[0]);
  return [
    host && paths.every((path) => WITHOUT_HOST.includes(path)) ? "not by host" : null,
    kind && !paths.some((path) => WITH_KIND.includes(path)) ? "not by agent" : null,
  ].filter(Boolean);
}

const shown = new WeakMap();

export async function fill(section, { asks, draw, any }, filters, context) {
  const wanted = asks.map((entry) => asked(entry, context));
  const tags = filters ? unfollowed(asks, context) : [];
  section.classList.toggle("unfollowed", tags.length > 0);
  section.querySelector(".head .tags").replaceChildren(...tags.map((tag) => pill(tag, "muted")));
  const address = JSON.stringify(wanted);
  section.dataset.asked = address;
  if (shown.get(section)?.address !== address) section.classList.add("waiting");
  const answers = await Promise.all(wanted.map(([path, parameters]) => fetched(path, parameters)));
  if (!section.isConnected || section.dataset.asked !== address) return; // something else was asked for meanwhile
  section.classList.remove("waiting");
  section.removeAttribute("aria-busy");
  // What has not changed is left alone: no flicker, no lost selection.
  const fingerprint = JSON.stringify([answers.map(({ data, notice }) => [data, notice]), context.kind]);
  if (shown.get(section)?.fingerprint === fingerprint) return;
  shown.set(section, { address, fingerprint });
  const notices = [...new Set(answers.map(({ notice }) => notice).filter(Boolean))];
  const lacking = answers.map(({ data }, index) => data === undefined || (data === null && answers[index].notice));
  const drawn = (any ? lacking.every(Boolean) : lacking[0]) ? null : draw(answers.map(({ data }) => data ?? null), { ...context, name: section.id });
  const unavailable = answers.some(({ data }) => data === undefined);
  // Before the tables are there, the first steps in place of the key figures say so for all.
  section.hidden = answers.every(({ data, notice }) => data === null && notice);
  const body = section.querySelector(".body");
  section.querySelector(".head .tools")?.remove();
  body.replaceChildren(
    ...notices.map((notice) => element("p", { class: unavailable || drawn ? "notice unavailable" : "empty" }, notice)),
    ...[drawn].flat(Infinity).filter(Boolean));
  section.classList.toggle("nothing", [...body.children].every((child) => child.matches(".empty")));
  const tools = body.querySelector(".tools");
  if (tools) section.querySelector(".head").append(tools);
}
