// What the viewer has chosen, kept in the address bar behind the #, so that an address shows the same again.

import { outside } from "./elements.js?v=VERSION";

export const PERIODS = { 1: "1 day", 7: "7 days", 30: "30 days", 90: "90 days", 366: "a year" };
const DEFAULTS = { view: "traffic", days: "7", day: "", host: "", kind: "" };

export const state = { ...DEFAULTS };

export function read() {
  const said = new URLSearchParams(outside().location.hash.slice(1));
  for (const [name, usual] of Object.entries(DEFAULTS)) state[name] = said.get(name) ?? usual;
  if (!(state.days in PERIODS)) state.days = DEFAULTS.days;
  if (!/^\d{4}-\d{2}-\d{2}$/.test(state.day)) state.day = "";
}

export function address(changes) {
  const chosen = Object.entries({ ...state, ...changes }).filter(([name, value]) => value !== DEFAULTS[name]);
  return `#${new URLSearchParams(chosen)}`;
}

export function choose(changes) {
  Object.assign(state, changes);
  const around = outside();
  around.history.replaceState(around.history.state, "", address({}));
}
