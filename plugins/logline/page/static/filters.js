// The filters at the top, made of what the tables hold.

import { element } from "./elements.js?v=VERSION";
import { dayName, words } from "./formats.js?v=VERSION";
import { PERIODS, state } from "./state.js?v=VERSION";
import { today } from "./days.js?v=VERSION";

function choice(name, title, options, chosen, choose, isFollowed = true) {
  const why = isFollowed ? null : "This view is not split by it";
  const select = element("select", { id: name, name, disabled: !isFollowed, title: why, onchange: (event) => choose({ [name]: event.target.value }) },
    options.map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
  return element("label", {}, element("span", {}, title), select);
}

// A value of the address that the tables do not know can be seen, and taken back.
function withChosen(options, chosen) {
  return options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]];
}

export function filters({ summarised, lastDay, hosts, kinds, areFollowed, choose }) {
  const form = document.getElementById("filters");
  const focused = form.contains(document.activeElement) ? document.activeElement.id : null;
  const days = summarised.map((day) => [day, `${dayName(day)} ${day.slice(0, 4)}${day === today() ? ", so far" : ""}`]);
  form.replaceChildren(
    choice("days", "Last", Object.entries(PERIODS), state.days, choose),
    choice("day", "up to", withChosen(days, lastDay ?? ""), lastDay ?? "", choose),
    hosts.length > 1 || state.host ? choice("host", "Host", withChosen([["", "all hosts"], ...hosts.map((host) => [host, host])], state.host), state.host, choose, areFollowed) : "",
    choice("kind", "Agents", withChosen([["", "all kinds"], ...kinds.map((kind) => [kind, words(kind)])], state.kind), state.kind, choose, areFollowed),
  );
  if (focused) document.getElementById(focused)?.focus();
}
