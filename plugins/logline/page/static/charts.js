// Charts over time, drawn by uPlot on a canvas. Colours are those of the style sheet, read again when the theme changes.

import uPlot from "./vendor/uplot.js?v=VERSION";
import { dayName, instant, short } from "./formats.js?v=VERSION";
import { element } from "./elements.js?v=VERSION";
import { list, toSeconds } from "./days.js?v=VERSION";

const DAY = 86_400;
const WHOLE_DAYS = [1, 2, 7, 14, 28, 91].map((days) => days * DAY);
const HOURS = [1, 3, 6, 12, 24].map((hours) => hours * 3600);
const drawn = new Set();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function redrawAll() {
  for (const draw of drawn) draw();
}

// As wide as the longest of an axis's labels.
function room(_, labels) {
  return 18 + 6.4 * Math.max(...(labels ?? []).map((label) => label.length), 2);
}

// `series`: {name, tone, values, axis, show}. `stacked` bars stand on one another, lines do not.
function chart({ label, times, series, stacked, range, tell, pick, dashed = [] }) {
  const place = element("div", { class: "chart", role: "img", "aria-label": label });
  const legend = element("div", { class: "legend", "aria-hidden": "true" },
    series.length > 1 ? series.map(({ name, tone }) => element("span", {}, element("i", { class: `swatch ${tone}` }), name)) : []);
  const canvas = element("div", { class: "canvas" });
  const tip = element("div", { class: "tip", hidden: true });
  place.append(legend, canvas, tip);

  const sums = series.map(({ values }) => values.map((value) => value ?? null));
  if (stacked) for (let index = 1; index < sums.length; index += 1) sums[index] = sums[index].map((value, at) => (value ?? 0) + (sums[index - 1][at] ?? 0));
  // Of a stack the tallest is drawn first, the others over it.
  const order = stacked ? series.map((_, index) => series.length - 1 - index) : series.map((_, index) => index);

  const axis = (scale, side, format) => ({
    scale, side, stroke: colour("faint"), font: "11px system-ui, sans-serif", size: room, gap: 6,
    grid: side === 3 ? { stroke: colour("grid"), width: 1 } : { show: false }, ticks: { show: false },
    values: (_, splits) => splits.map((value) => (value === null ? "" : format(value))),
  });
  const formatOf = (scale) => series.find((one) => (one.axis ?? "y") === scale)?.format ?? short;
  const scales = [...new Set(series.map((one) => one.axis ?? "y"))];

  let plot = null, width = 0, height = 0;
  const draw = () => {
    if (!width) return;
    plot?.destroy();
    plot = new uPlot({
      width, height,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      legend: { show: false },
      cursor: { y: false, points: { show: !stacked }, drag: { x: false, y: false } },
      padding: [8, scales.length > 1 ? 0 : 12, 0, 0],
      scales: { x: { time: true, range: () => range }, ...Object.fromEntries(scales.map((name) => [name, { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] }])) },
      axes: [
        { stroke: colour("faint"), font: "11px system-ui, sans-serif", grid: { show: false }, ticks: { stroke: colour("grid"), size: 4 }, size: 30, space: 58, incrs: span(range) > 3 * DAY ? WHOLE_DAYS : HOURS, values: ticks(range) },
        ...scales.map((name, index) => axis(name, index === 0 ? 3 : 1, formatOf(name))),
      ],
      series: [{}, ...order.map((index) => ({
        scale: series[index].axis ?? "y",
        stroke: colour(series[index].tone),
        fill: stacked ? colour(series[index].tone) : undefined,
        width: stacked ? 0 : 1.75,
        dash: dashed.includes(index) ? [4, 4] : undefined,
        paths: stacked ? uPlot.paths.bars({ size: [0.72, 48], radius: index === series.length - 1 ? 0.12 : 0 }) : undefined,
        points: { show: stacked ? false : times.length < 40, size: 5, fill: colour(series[index].tone) },
        spanGaps: false,
      }))],
      hooks: { setCursor: [(u) => point(u)] },
    }, [times, ...order.map((index) => sums[index])], canvas);
  };
  const point = (u) => {
    const index = u.cursor.idx;
    tip.hidden = index === null || index === undefined || u.cursor.left < 0;
    if (tip.hidden) return;
    tip.replaceChildren(element("strong", {}, tell(times[index])), ...series.map(({ name, tone, values, format = short }) =>
      element("div", {}, element("i", { class: `swatch ${tone}` }), `${name}`, element("b", {}, format(values[index])))));
    const left = u.over.offsetLeft + u.valToPos(times[index], "x");
    tip.style.left = `${left + 14 + tip.offsetWidth > place.clientWidth ? Math.max(0, left - 14 - tip.offsetWidth) : left + 14}px`;
  };
  if (pick) {
    canvas.classList.add("pickable");
    canvas.addEventListener("click", () => plot?.cursor.idx !== null && plot?.cursor.idx !== undefined && pick(plot.cursor.idx));
  }
  new ResizeObserver(([entry]) => {
    const [wide, high] = [entry.contentRect.width, entry.contentRect.height].map(Math.floor);
    if (wide > 0 && (wide !== width || high !== height)) {
      [width, height] = [wide, high];
      draw();
    }
  }).observe(canvas);
  drawn.add(() => (place.isConnected ? draw() : null));
  return place;
}

const span = (range) => range[1] - range[0];

// Days by their date, hours by the clock; midnight is named by its day.
function ticks(range) {
  const wide = span(range);
  return (_, splits) => splits.map((seconds) => {
    const text = new Date(seconds * 1000).toISOString();
    if (wide > 3 * DAY || text.slice(11, 16) === "00:00") return wide > 200 * DAY ? text.slice(0, 7) : text.slice(5, 10);
    return text.slice(11, 16);
  });
}

// Stacked bars, one for each day of a period; a day without figures leaves its place empty.
export function days({ label, period, series, pick }) {
  const all = list(period.first, period.last);
  return chart({
    label, stacked: true,
    times: all.map(toSeconds),
    range: [toSeconds(period.first) - DAY * 0.6, toSeconds(period.last) + DAY * 0.6],
    series: series.map((one) => ({ ...one, values: all.map((day) => one.values.get(day) ?? null) })),
    tell: (seconds) => dayName(seconds * 1000),
    pick: pick && ((index) => pick(all[index])),
  });
}

// Lines over days, each with a point for each day there is.
export function dayLines({ label, period, series, pick }) {
  const all = list(period.first, period.last);
  return chart({
    label,
    times: all.map(toSeconds),
    range: [toSeconds(period.first) - DAY * 0.3, toSeconds(period.last) + DAY * 0.3],
    series: series.map((one) => ({ ...one, values: all.map((day) => one.values.get(day) ?? null) })),
    tell: (seconds) => dayName(seconds * 1000),
    pick: pick && ((index) => pick(all[index])),
  });
}

// Bars by the hour; hours that are still to come are no zeros.
export function hours({ label, period, series }) {
  const first = toSeconds(period.first);
  const end = toSeconds(period.last) + DAY;
  const now = Date.now() / 1000;
  const times = [];
  for (let hour = first; hour < end; hour += 3600) times.push(hour);
  return chart({
    label, stacked: true, times,
    range: [first - 1800, end - 1800],
    series: series.map((one) => ({ ...one, values: times.map((hour) => one.values.get(hour) ?? (hour < now ? 0 : null)) })),
    tell: (seconds) => `${dayName(seconds * 1000)}, ${new Date(seconds * 1000).toISOString().slice(11, 16)}`,
  });
}

// Lines over instants.
export function lines({ label, times, range, series }) {
  return chart({ label, times, range, series, tell: (seconds) => `${instant(new Date(seconds * 1000).toISOString())} UTC` });
}
