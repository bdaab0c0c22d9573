/** A chart of lines over time: axes with units, a legend that says the values under the cursor or the last ones. */

import { html, svg } from "./element.js";

const LEFT = 52;
const RIGHT = 8;
const TOP = 6;
const BOTTOM = 18;

/**
 * @typedef {import("../telemetry/history.ts").Point} Point
 * @typedef {{ name: string, color: string, value: (point: Point) => number | null }} Series
 * @typedef {{ title: string, format: (value: number) => string, series: Series[], most?: number, isLogarithmic?: boolean }} ChartOptions
 * @typedef {{ points: readonly Point[], untilMs: number, seconds: number }} Shown
 * @typedef {{ ticks: number[], place: (value: number) => number }} Scale from 0 at the bottom to 1 at the top
 */

/**
 * Makes a chart.
 *
 * @param {ChartOptions} options
 */
export function createChart(options) {
  const legends = options.series.map(({ name, color }) => {
    const value = html("b");
    return { value, element: html("span", { className: `legend ${color}` }, html("i", {}, name), value) };
  });
  const heading = html("h2", {}, options.title);
  const picture = svg("svg", { role: "img", "aria-label": options.title });
  const head = html("div", { className: "head" }, heading, ...legends.map(({ element }) => element));
  const element = html("section", { className: "card chart" }, head, picture);
  /** @type {Shown} */
  let shown = { points: [], untilMs: 0, seconds: 300 };
  /** @type {number | undefined} */
  let cursorX;

  const draw = () => drawChart(picture, options, legends, shown, cursorX);
  picture.addEventListener("pointermove", (event) => {
    cursorX = event.clientX - picture.getBoundingClientRect().left;
    draw();
  });
  picture.addEventListener("pointerleave", () => {
    cursorX = undefined;
    draw();
  });
  new ResizeObserver(draw).observe(picture);
  return {
    element,
    /**
     * Shows these points, up to `untilMs` and for `seconds` before.
     *
     * @param {readonly Point[]} points
     * @param {number} untilMs
     * @param {number} seconds
     */
    show(points, untilMs, seconds) {
      shown = { points, untilMs, seconds };
      draw();
    },
  };
}

/**
 * @param {SVGSVGElement} picture
 * @param {ChartOptions} options
 * @param {{ value: HTMLElement }[]} legends one for each of the series
 * @param {Shown} shown
 * @param {number | undefined} cursorX
 */
function drawChart(picture, options, legends, { points, untilMs, seconds }, cursorX) {
  const { width, height } = picture.getBoundingClientRect();
  if (width === 0) return;
  const right = width - RIGHT;
  const bottom = height - BOTTOM;
  const sinceMs = untilMs - seconds * 1000;
  /** @param {number} atMs */
  const xOf = (atMs) => LEFT + ((right - LEFT) * (atMs - sinceMs)) / (seconds * 1000);
  const seen = points.filter(({ atMs }) => atMs >= sinceMs && atMs <= untilMs);
  const values = options.series.flatMap(({ value }) => seen.map(value)).filter((each) => each !== null);
  const scale = options.isLogarithmic ? logarithmic(values) : linear(values, options.most);
  /** @param {number} value */
  const yOf = (value) => bottom - (bottom - TOP) * Math.min(1, Math.max(0, scale.place(value)));

  /** @type {SVGElement[]} */
  const parts = scale.ticks.flatMap((tick) => [
    svg("line", { class: "grid", x1: LEFT, x2: right, y1: round(yOf(tick)), y2: round(yOf(tick)) }),
    label(options.format(tick), LEFT - 6, yOf(tick) + 4, "end"),
  ]);
  for (const { atMs, text } of timeTicks(sinceMs, untilMs, seconds)) {
    const anchor = xOf(atMs) > right - 16 ? "end" : "middle";
    if (xOf(atMs) > LEFT + 14) parts.push(label(text, xOf(atMs), height - 4, anchor));
  }
  for (const { value, color } of options.series) {
    for (const run of runsOf(seen, value)) {
      const places = run.map((dot) => [xOf(dot.atMs).toFixed(1), yOf(dot.value).toFixed(1)]);
      const [[cx = "", cy = ""] = []] = places;
      if (places.length === 1) parts.push(svg("circle", { class: color, cx, cy, r: 1.5 }));
      else parts.push(svg("polyline", { class: color, points: places.join(" ") }));
    }
  }
  const under = cursorX === undefined ? seen.at(-1) : nearest(seen, cursorX, xOf);
  if (cursorX !== undefined && under !== undefined) {
    const x = xOf(under.atMs);
    parts.push(svg("line", { class: "cursor", x1: x, x2: x, y1: TOP, y2: bottom }));
    parts.push(
      label(clock(under.atMs, true), Math.min(Math.max(x, LEFT + 26), right - 26), TOP + 8, "middle"),
    );
  }
  picture.replaceChildren(...parts);
  for (const [index, { value }] of options.series.entries()) {
    const number = under === undefined ? null : value(under);
    const legend = legends[index];
    if (legend) legend.value.textContent = number === null ? "–" : options.format(number);
  }
}

/**
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {"start" | "middle" | "end"} anchor
 */
function label(text, x, y, anchor) {
  return svg("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor }, text);
}

/**
 * Lines are sharp between two pixels.
 *
 * @param {number} y
 */
function round(y) {
  return Math.round(y) + 0.5;
}

/**
 * Stretches of points that have a value, with it.
 *
 * @param {readonly Point[]} points
 * @param {Series["value"]} of
 */
function runsOf(points, of) {
  /** @type {{ atMs: number, value: number }[][]} */
  const runs = [];
  let isGap = true;
  for (const point of points) {
    const value = of(point);
    if (value !== null) {
      if (isGap) runs.push([]);
      runs.at(-1)?.push({ atMs: point.atMs, value });
    }
    isGap = value === null;
  }
  return runs;
}

/**
 * @param {readonly Point[]} points
 * @param {number} x
 * @param {(atMs: number) => number} xOf
 */
function nearest(points, x, xOf) {
  let best = points[0];
  for (const point of points)
    if (best === undefined || Math.abs(xOf(point.atMs) - x) < Math.abs(xOf(best.atMs) - x)) best = point;
  return best;
}

/**
 * From 0, to a round number.
 *
 * @param {number[]} values
 * @param {number | undefined} most
 * @returns {Scale}
 */
function linear(values, most) {
  const largest = most ?? Math.max(...values, 0);
  const step = most === undefined ? niceStep((largest === 0 ? 1 : largest) / 3) : most / 4;
  const top = most ?? Math.max(Math.ceil(largest / step), 1) * step;
  const ticks = [];
  for (let tick = 0; tick <= top + step / 1000; tick += step) ticks.push(tick);
  return { ticks, place: (value) => value / top };
}

/**
 * From one power of ten to another: what differs by orders of magnitude is legible together.
 *
 * @param {number[]} values
 * @returns {Scale}
 */
function logarithmic(values) {
  const positive = values.filter((each) => each > 0);
  const low = Math.floor(Math.log10(positive.length === 0 ? 0.1 : Math.min(...positive)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(positive.length === 0 ? 1 : Math.max(...positive))));
  const ticks = [];
  const every = high - low > 4 ? 2 : 1;
  for (let power = low; power <= high; power += every) ticks.push(10 ** power);
  return { ticks, place: (value) => (Math.log10(Math.max(value, 1e-9)) - low) / (high - low) };
}

/** @param {number} atLeast */
function niceStep(atLeast) {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 2.5, 5].find((each) => each * power >= atLeast * 0.999) ?? 10;
  return factor * power;
}

/**
 * @param {number} sinceMs
 * @param {number} untilMs
 * @param {number} seconds
 */
function timeTicks(sinceMs, untilMs, seconds) {
  const everyMs = (seconds > 600 ? 600 : 60) * 1000;
  const ticks = [];
  for (let atMs = Math.ceil(sinceMs / everyMs) * everyMs; atMs <= untilMs; atMs += everyMs)
    ticks.push({ atMs, text: clock(atMs) });
  return ticks;
}

/** @param {number} atMs */
function clock(atMs, hasSeconds = false) {
  const time = new Date(atMs);
  const parts = [time.getHours(), time.getMinutes(), ...(hasSeconds ? [time.getSeconds()] : [])];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
