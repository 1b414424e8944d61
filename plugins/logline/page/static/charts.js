// Bars and lines as SVG. Colours are classes, so that a chart follows the theme without being drawn again.

import { count, element, instant, seconds, short } from "./dom.js?v=VERSION";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { top: 8, right: 10, bottom: 22, left: 44 };
const CLASSES = [["2xx", "good"], ["3xx", "calm"], ["4xx", "warn"], ["5xx", "bad"], ["other", "muted"]];

function shape(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Round steps from 0 to at least `most`, five at most.
export function steps(most) {
  if (!(most > 0)) return [0, 1];
  const magnitude = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((candidate) => most / candidate <= 4);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
}

// What all charts have: the axes, a legend, what is under the pointer, and the width of their place.
function frame({ label, height, points, series, ticks, paint, tell, choose, right }) {
  const place = element("div", { class: "chart" });
  const drawing = element("div", { class: "drawing" });
  const tip = element("div", { class: "tip", hidden: true });
  const legend = element("div", { class: "legend" }, series.map(([name, tone]) => element("span", {}, element("i", { class: `swatch ${tone}` }), name)));
  place.append(legend, drawing, tip);

  const draw = (width) => {
    const margin = { ...MARGIN, right: right ? 40 : MARGIN.right };
    const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
    const step = inner.width / Math.max(1, points);
    const at = (index) => margin.left + (index + 0.5) * step;
    const scaleOf = (most) => {
      const marks = steps(most);
      const top = marks[marks.length - 1];
      return { marks, y: (value) => margin.top + inner.height * (1 - value / top) };
    };
    const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": label });
    const axis = (marks, y, side) => {
      for (const mark of marks) {
        if (side === "left") svg.append(shape("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(mark), y2: y(mark) }));
        const x = side === "left" ? margin.left - 6 : width - margin.right + 6;
        const text = shape("text", { x, y: y(mark) + 4, "text-anchor": side === "left" ? "end" : "start" });
        text.textContent = short(mark);
        svg.append(text);
      }
    };
    const shown = Math.max(1, Math.ceil((points * 62) / inner.width));
    for (const [index, text] of ticks) {
      if ((points - 1 - index) % shown !== 0 && ticks.length === points) continue;
      const mark = shape("text", { x: Math.min(Math.max(at(index), margin.left + 12), width - 18), y: height - 6, "text-anchor": "middle" });
      mark.textContent = text;
      svg.append(mark);
    }
    paint({ svg, at, step, scaleOf, axis, shape });
    const under = (event) => {
      const box = svg.getBoundingClientRect();
      const index = Math.floor(((event.clientX - box.left) * (width / box.width) - margin.left) / step);
      return index >= 0 && index < points ? index : null;
    };
    svg.addEventListener("pointermove", (event) => {
      const index = under(event);
      tip.hidden = index === null;
      if (index === null) return;
      tip.replaceChildren(...tell(index).map((line) => element("div", {}, line)));
      const left = at(index) + 12;
      tip.style.left = `${left + tip.offsetWidth > width ? Math.max(0, at(index) - 12 - tip.offsetWidth) : left}px`;
    });
    svg.addEventListener("pointerleave", () => { tip.hidden = true; });
    if (choose) svg.addEventListener("click", (event) => under(event) !== null && choose(under(event)));
    drawing.replaceChildren(svg);
  };
  let known = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width > 0 && width !== known) draw((known = width));
  }).observe(drawing);
  return place;
}

function stacked({ svg, at, step, scaleOf, axis }, series, { chosen } = {}) {
  const points = series[0].values.length;
  const sums = Array.from({ length: points }, (_, index) => series.reduce((sum, one) => sum + one.values[index], 0));
  const { marks, y } = scaleOf(Math.max(...sums));
  axis(marks, y, "left");
  const width = Math.max(1, step * 0.76);
  for (let index = 0; index < points; index += 1) {
    let below = 0;
    for (const { values, tone } of series) {
      if (!values[index]) continue;
      const faded = chosen !== undefined && chosen !== null && index !== chosen ? " faded" : "";
      const top = y(below + values[index]);
      svg.append(shape("rect", { class: `bar ${tone}${faded}`, x: at(index) - width / 2, y: top, width, height: Math.max(0.5, y(below) - top) }));
      below += values[index];
    }
  }
  return y;
}

function line(svg, at, y, values, tone) {
  const known = (index) => Number.isFinite(values[index]);
  let path = "";
  values.forEach((value, index) => {
    if (!known(index)) return;
    path += `${known(index - 1) ? "L" : "M"}${at(index).toFixed(1)} ${y(value).toFixed(1)}`;
    // A point between two gaps is no line.
    if (!known(index - 1) && !known(index + 1)) svg.append(shape("circle", { class: `dot ${tone}`, cx: at(index), cy: y(value), r: 3 }));
  });
  svg.append(shape("path", { class: `line ${tone}`, d: path }));
}

export function traffic(rows, day, choose) {
  const days = [...new Set(rows.map((row) => row.log_date))];
  const series = CLASSES.map(([name, tone]) => {
    const known = new Map(rows.filter((row) => row.status_class === name).map((row) => [row.log_date, row.requests]));
    return { name, tone, values: days.map((one) => known.get(one) ?? 0) };
  }).filter(({ values }) => values.some((value) => value > 0));
  return frame({
    label: "Requests per day, by class of status",
    height: 200,
    points: days.length,
    series: series.map(({ name, tone }) => [name, tone]),
    ticks: days.map((one, index) => [index, one.slice(5)]),
    paint: (canvas) => stacked(canvas, series, { chosen: days.includes(day) ? days.indexOf(day) : null }),
    tell: (index) => [days[index], ...series.map(({ name, values }) => `${name}: ${count(values[index])}`)],
    choose: (index) => choose(days[index]),
  });
}

export function hours(rows) {
  const all = Array.from({ length: 24 }, (_, hour) => rows.find((row) => Number(row.hour.slice(11, 13)) === hour));
  const series = [
    { name: "answered", tone: "good", values: all.map((row) => (row ? row.requests - row.errors : 0)) },
    { name: "errors", tone: "warn", values: all.map((row) => row?.errors ?? 0) },
  ];
  const visitors = all.map((row) => row?.unique_visitors ?? 0);
  return frame({
    label: "Requests by the hour",
    height: 200,
    points: 24,
    series: [...series.map(({ name, tone }) => [name, tone]), ["visitors", "ink"]],
    ticks: [0, 6, 12, 18].map((hour) => [hour, `${String(hour).padStart(2, "0")}:00`]),
    paint: (canvas) => line(canvas.svg, canvas.at, stacked(canvas, series), visitors, "ink"),
    tell: (index) => [`${String(index).padStart(2, "0")}:00 UTC`, ...series.map(({ name, values }) => `${name}: ${count(values[index])}`), `visitors: ${count(visitors[index])}`],
  });
}

export function stream(history) {
  const rates = history.map((point) => point.rows_per_second);
  const lags = history.map((point) => point.lag_seconds);
  const every = Math.max(1, Math.ceil(history.length / 5));
  return frame({
    label: "Rows per second and lag of the stream over a day",
    height: 150,
    points: history.length,
    right: true,
    series: [["rows/s", "good"], ["seconds behind (right)", "warn"]],
    ticks: history.map((point, index) => [index, point.at.slice(11, 16)]).filter(([index]) => index % every === 0),
    paint: ({ svg, at, scaleOf, axis }) => {
      const left = scaleOf(Math.max(0, ...rates.filter(Number.isFinite)));
      const behind = scaleOf(Math.max(0, ...lags.filter(Number.isFinite)));
      axis(left.marks, left.y, "left");
      axis(behind.marks, behind.y, "right");
      line(svg, at, behind.y, lags, "warn");
      line(svg, at, left.y, rates, "good");
    },
    tell: (index) => [`${instant(history[index].at)} UTC`, `${short(rates[index])} rows/s`, `${seconds(lags[index])} behind`],
  });
}
