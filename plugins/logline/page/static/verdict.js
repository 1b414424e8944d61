// The line at the top: all is well, or what is not, and where the runbook of it stands.

import { dagLink, element, pill, runbook, runLink } from "./elements.js?v=VERSION";
import { ago, plural } from "./formats.js?v=VERSION";
import { fetched } from "./answers.js?v=VERSION";

const PANELS = [
  ["stream", "pipeline"], ["unread", "pipeline"], ["checks", "trust"], ["builds", "trust"], ["detections", "errors"],
  ["anomalies", "errors"], ["objectives", "speed"],
];
const WORST = ["bad", "warn", "good", "muted"];

function ofDags(dags) {
  return dags.filter(({ latest }) => latest?.state === "failed").map(({ dag_id, latest }) => ({
    tone: "bad", view: "pipeline",
    text: [`the last run of ${dag_id} failed ${ago(latest.ended)}: `, runLink(dag_id, latest.run_id, latest.failed[0] ? `${latest.failed[0].task}: ${latest.failed[0].reason}` : "its tasks")],
  }));
}

function sentence({ text, runbook: place, view }) {
  return [text, place ? [" (", runbook(place), ")"] : null, view ? [" ", element("a", { href: `#view=${view}`, "data-view": view, class: "more" }, "show")] : null];
}

export async function verdict(period, isWanted) {
  const place = document.getElementById("verdict");
  const [dags, ...answers] = await Promise.all([
    fetched("dags"),
    ...PANELS.map(([name]) => fetched(name, ["stream", "unread"].includes(name) ? {} : period)),
  ]);
  if (!isWanted()) return;
  const notes = answers.flatMap((answer, index) => (answer.notes ?? []).map((note) => ({ ...note, view: PANELS[index][1] })));
  notes.push(...ofDags(dags.data ?? []));
  const unknown = [dags, ...answers].filter(({ data }) => data === undefined);
  if (unknown.length) notes.push({ tone: "warn", text: `not everything can be seen now: ${unknown[0].notice}` });
  notes.sort((a, b) => WORST.indexOf(a.tone) - WORST.indexOf(b.tone));
  const wrong = notes.filter(({ tone }) => tone === "bad" || tone === "warn");
  const nothing = answers.every(({ data }) => data === null);
  const line = wrong.length === 1 ? ["One thing needs a look: ", sentence(wrong[0])]
    : wrong.length ? `${plural(wrong.length, "thing")} need a look` : nothing ? ["Nothing has been provisioned yet: run ", dagLink("provision"), " once"] : "All is well";
  const below = wrong.length === 1 ? notes.filter((note) => note !== wrong[0]) : notes;
  const tone = wrong[0]?.tone ?? (nothing ? "muted" : "good");
  place.className = tone;
  place.dataset.tone = tone;
  place.replaceChildren(
    element("p", { class: "line" }, element("span", { class: "light", "aria-hidden": "true" }), line),
    below.length ? element("ul", {}, below.map((note) => element("li", { class: note.tone }, note.tone === "good" || note.tone === "muted" ? null : pill(note.tone === "bad" ? "wrong" : "check", note.tone), sentence(note)))) : "",
  );
}
