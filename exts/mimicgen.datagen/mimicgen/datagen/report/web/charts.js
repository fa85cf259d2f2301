// Small charts as SVG. Whatever comes from files is text, never markup.

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH = 480;
const HEIGHT = 220;
const EDGE = { left: 44, right: 12, top: 10, bottom: 38 };

const COLOURS = 9;

export const colour = (index) => `var(--c${index % COLOURS})`;

// How the legend shows a curve: in its colour, striped from the tenth on, which are dashed.
export const pattern = (index) => (index < COLOURS ? colour(index) : `repeating-linear-gradient(90deg, ${colour(index)} 0 4px, transparent 4px 6px)`);

function element(name, attributes = {}, text = "") {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

function extent(values, padding = 0.05) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * padding;
  return [low - room, high + room];
}

function ticks([low, high], count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let index = Math.ceil(low / step); index * step <= high + step * 1e-6; index += 1) found.push(index * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return found.map((value) => [value, value.toFixed(digits)]);
}

// A drawing area with axes: returns the SVG and the functions from values to places.
function frame(label, xRange, yRange, { xLabel = "", height = HEIGHT, xTicks = 6, yTicks = 4 } = {}) {
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label });
  const x = (value) => EDGE.left + ((value - xRange[0]) / (xRange[1] - xRange[0])) * (WIDTH - EDGE.left - EDGE.right);
  const y = (value) => height - EDGE.bottom - ((value - yRange[0]) / (yRange[1] - yRange[0])) * (height - EDGE.top - EDGE.bottom);
  for (const [value, text] of yTicks ? ticks(yRange, yTicks) : []) {
    svg.append(element("line", { class: "axis", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value) }));
    svg.append(element("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  for (const [value, text] of ticks(xRange, xTicks)) {
    svg.append(element("text", { x: x(value), y: height - EDGE.bottom + 16, "text-anchor": "middle" }, text));
  }
  svg.append(element("text", { x: (EDGE.left + WIDTH - EDGE.right) / 2, y: height - 3, "text-anchor": "middle" }, xLabel));
  return { svg, x, y, height };
}

// Curves over the steps, with marks at steps where something is over, and a cursor that `at` moves.
export function lines(label, curves, { marks = [], xLabel = "step", range = null } = {}) {
  const length = Math.max(2, ...curves.map((curve) => curve.length));
  const yRange = range ?? extent(curves.flatMap((curve) => [...extent(curve, 0)]));
  const { svg, x, y, height } = frame(label, [0, length - 1], yRange, { xLabel });
  for (const step of marks) svg.append(element("line", { class: "mark", x1: x(step), x2: x(step), y1: EDGE.top, y2: height - EDGE.bottom }));
  curves.forEach((curve, index) => {
    const points = Array.from(curve, (value, step) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const dashes = index < COLOURS ? {} : { "stroke-dasharray": "4 2" };
    svg.append(element("polyline", { points, fill: "none", stroke: colour(index), "stroke-width": 1.4, ...dashes }));
  });
  const cursor = element("line", { class: "now", y1: EDGE.top, y2: height - EDGE.bottom });
  const at = (step) => {
    cursor.setAttribute("x1", x(step));
    cursor.setAttribute("x2", x(step));
    svg.append(cursor);
  };
  return { svg, at };
}

export function bars(label, rows, whole) {
  const row = 30;
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${rows.length * row + 8}`, role: "img", "aria-label": label });
  const room = WIDTH - 120 - 110;
  rows.forEach(([name, count], index) => {
    const y = index * row + 4;
    const group = element("g", { "data-name": name, "data-count": count });
    group.append(element("text", { x: 112, y: y + 16, "text-anchor": "end", class: "value" }, name));
    group.append(element("rect", { x: 120, y: y + 3, width: room, height: 18, rx: 3, fill: "var(--line)" }));
    group.append(element("rect", { x: 120, y: y + 3, width: whole ? (room * count) / whole : 0, height: 18, rx: 3, fill: colour(index) }));
    const share = whole ? ` (${Math.round((100 * count) / whole)}%)` : "";
    group.append(element("text", { x: 120 + room + 8, y: y + 16, class: "value" }, `${count}${share}`));
    svg.append(group);
  });
  return svg;
}

export function histogram(label, values, xLabel) {
  const [low, high] = extent(values, 0.02);
  const count = Math.min(24, Math.max(5, Math.ceil(Math.sqrt(values.length) * 1.5)));
  const bins = new Array(count).fill(0);
  for (const value of values) bins[Math.min(count - 1, Math.floor(((value - low) / (high - low)) * count))] += 1;
  const { svg, x, y } = frame(label, [low, high], [0, Math.max(...bins) * 1.1], { xLabel });
  bins.forEach((number, index) => {
    const from = x(low + ((high - low) * index) / count);
    const to = x(low + ((high - low) * (index + 1)) / count);
    svg.append(element("rect", { x: from + 1, y: y(number), width: to - from - 2, height: y(0) - y(number), fill: colour(0) }));
  });
  return svg;
}

// Points in groups, to the same scale in both directions. `box` is drawn around where they may be.
export function scatter(label, groups, { xLabel, box = null, cross = false, scale = 1 }) {
  const points = groups.flatMap((group) => group.points);
  const corners = box ? [[box.x[0], box.y[0]], [box.x[1], box.y[1]]] : [];
  const all = [...points, ...corners, ...(cross ? [[0, 0]] : [])];
  let xRange = extent(all.map((point) => point[0] * scale), 0.08);
  let yRange = extent(all.map((point) => point[1] * scale), 0.08);
  const height = 300;
  const wide = (WIDTH - EDGE.left - EDGE.right) / (height - EDGE.top - EDGE.bottom);
  const span = Math.max(xRange[1] - xRange[0], (yRange[1] - yRange[0]) * wide);
  const about = ([low, high], size) => [(low + high - size) / 2, (low + high + size) / 2];
  xRange = about(xRange, span);
  yRange = about(yRange, span / wide);
  const { svg, x, y } = frame(label, xRange, yRange, { xLabel, height });
  if (cross) {
    svg.append(element("line", { class: "mark", x1: x(0), x2: x(0), y1: EDGE.top, y2: height - EDGE.bottom }));
    svg.append(element("line", { class: "mark", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(0), y2: y(0) }));
  }
  if (box) {
    const [left, right] = box.x.map((value) => x(value * scale));
    const [bottom, top] = box.y.map((value) => y(value * scale));
    svg.append(element("rect", { class: "mark", x: left, y: top, width: right - left, height: bottom - top, fill: "none" }));
  }
  groups.forEach((group, index) => {
    for (const [first, second] of group.points) {
      svg.append(element("circle", { cx: x(first * scale), cy: y(second * scale), r: 3, fill: group.colour ?? colour(index), "fill-opacity": 0.7 }));
    }
  });
  return svg;
}

const edge = ([low, high], count, index) => low + ((high - low) * index) / count;

// The range in which an object may start, in parts: kept of attempted in each, and where it was. Rows from low y to high;
// where it only starts elsewhere along the other axis, there is one row, or one column.
export function parts(label, { x: xRange, y: yRange, attempts, kept }, groups) {
  const reach = (range, axis) => range ?? extent(groups.flatMap((group) => group.points.map((point) => point[axis])), 0.5);
  const [xs, ys] = [reach(xRange, 0), reach(yRange, 1)];
  const { svg, x, y } = frame(label, extent(xs), extent(ys), { xLabel: "x, y [m]", height: 300 });
  attempts.forEach((row, line) => {
    const [bottom, top] = [line, line + 1].map((index) => y(edge(ys, attempts.length, index)));
    row.forEach((began, column) => {
      const [from, to] = [column, column + 1].map((index) => x(edge(xs, row.length, index)));
      svg.append(part(from, top, to - from, bottom - top, began, kept[line][column]));
    });
  });
  for (const { points, colour: fill } of groups) {
    for (const [first, second] of points) svg.append(element("circle", { cx: x(first), cy: y(second), r: 2, fill, "fill-opacity": 0.6 }));
  }
  svg.append(...svg.querySelectorAll(".part + .value")); // over the points
  return svg;
}

function part(x, y, width, height, began, kept) {
  const lost = began ? 0.75 * (1 - kept / began) : 0;
  const group = element("g", { "data-attempts": began, "data-kept": kept });
  group.append(element("rect", { class: "part", x, y, width, height, fill: "var(--bad)", "fill-opacity": lost }));
  group.append(element("text", { x: x + width / 2, y: y + 14, "text-anchor": "middle", class: "value" }, began ? `${kept}/${began}` : "none"));
  return group;
}

// The same of the range of its turn, side by side.
export function turns(label, { yaw, turn_attempts: attempts, turn_kept: kept }) {
  const height = 72;
  const { svg, x } = frame(label, extent(yaw), [0, 1], { xLabel: "turn [rad]", height, yTicks: 0 });
  attempts.forEach((began, index) => {
    const [from, to] = [index, index + 1].map((at) => x(edge(yaw, attempts.length, at)));
    svg.append(part(from, EDGE.top, to - from, height - EDGE.top - EDGE.bottom, began, kept[index]));
  });
  return svg;
}

export function legend(list, names) {
  list.replaceChildren(...names.map(([name, fill]) => {
    const item = document.createElement("li");
    const patch = document.createElement("i");
    patch.style.background = fill;
    item.append(patch, name);
    return item;
  }));
  return list;
}
