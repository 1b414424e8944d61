// How figures, days and instants are written. Nothing else on the page formats anything.

const COUNT = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const DAY_NAME = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const NONE = "–";
const ACRONYMS = /\b(ai|api|cms|php|seo|sql|ssrf|ssti|xss|xxe)\b/g;
// A unit stays on the line of its figure.
const UNIT = "\u00a0";

const missing = (value) => value === null || value === undefined;

export function count(value) {
  return missing(value) ? NONE : COUNT.format(value);
}

export function short(value) {
  return missing(value) ? NONE : SHORT.format(value);
}

export function bytes(value) {
  if (missing(value)) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)}${UNIT}${units[unit]}`;
}

export function percent(share) {
  if (missing(share)) return NONE;
  const value = 100 * share;
  return `${value > 0 && value < 0.1 ? "< 0.1" : value.toFixed(1)}${UNIT}%`;
}

// A share beside an objective, where thousandths matter.
export function precisely(share) {
  return missing(share) ? NONE : `${(100 * share).toFixed(3)}${UNIT}%`;
}

export function change(share) {
  if (missing(share)) return NONE;
  return `${share > 0 ? "+" : share < 0 ? "−" : "±"}${Math.abs(100 * share).toFixed(Math.abs(share) < 0.1 ? 1 : 0)}${UNIT}%`;
}

export function decimal(value) {
  return missing(value) ? NONE : value.toFixed(1);
}

// A difference of two shares, in percentage points.
export function points(difference) {
  if (missing(difference)) return NONE;
  const value = 100 * difference;
  const sign = Math.abs(value) < 0.05 ? "±" : value > 0 ? "+" : "−";
  return `${sign}${Math.abs(value).toFixed(1)}${UNIT}pp`;
}

export function milliseconds(value) {
  if (missing(value)) return NONE;
  if (value >= 10_000) return `${(value / 1000).toFixed(1)}${UNIT}s`;
  return `${value > 0 && value < 10 ? value.toFixed(1) : COUNT.format(Math.round(value))}${UNIT}ms`;
}

export function seconds(value) {
  if (missing(value)) return NONE;
  if (value < 120) return `${value < 10 ? Math.round(10 * value) / 10 : Math.round(value)}${UNIT}s`;
  if (value < 7200) return `${Math.round(value / 60)}${UNIT}min`;
  return value < 172_800 ? `${Math.round(value / 3600)}${UNIT}h` : `${Math.round(value / 86_400)}${UNIT}days`;
}

export function instant(value) {
  return value ? `${value.slice(0, 10)} ${value.slice(11, 16)}` : NONE;
}

export function clock(value) {
  return value ? value.slice(11, 19) : NONE;
}

export function ago(value) {
  return value ? `${seconds(Math.max(0, (Date.now() - Date.parse(value)) / 1000))} ago` : "never";
}

export function dayName(day) {
  return DAY_NAME.format(new Date(day));
}

export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

// Words of the tables as people say them: ai_search is "AI search".
export function words(name) {
  if (missing(name)) return "unknown";
  const text = name.replaceAll("_", " ").replace(ACRONYMS, (acronym) => acronym.toUpperCase());
  return text[0].toUpperCase() + text.slice(1);
}
