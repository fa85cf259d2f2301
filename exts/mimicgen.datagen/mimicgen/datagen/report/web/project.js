// The page about the project: what the problem was, how a frame goes, and what came of it.

import { colour, legend } from "report/charts";
import { Replay, trackOf } from "report/replay";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

function drawn(name, attributes = {}, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

// ---- the loops -----------------------------------------------------------------------------------------------------

const ROUND = 1.6; // seconds that a loop takes for a turn

// A loop: a ring, and a dot that goes round while it turns.
class Loop {
  constructor(svg, name, x) {
    this.x = x;
    this.ring = drawn("circle", { class: "ring", cx: x, cy: 110, r: 62 });
    this.dot = drawn("circle", { class: "turning", r: 9 });
    this.state = drawn("text", { x, y: 113, "text-anchor": "middle" });
    svg.append(this.ring, this.dot, this.state, drawn("text", { x, y: 26, "text-anchor": "middle", class: "name" }, name));
    this.to(0, "");
  }

  to(turns, state, stuck = false) {
    const angle = 2 * Math.PI * (turns - 0.25);
    this.dot.setAttribute("cx", this.x + 62 * Math.cos(angle));
    this.dot.setAttribute("cy", 110 + 62 * Math.sin(angle));
    this.state.textContent = state;
    for (const part of [this.ring, this.dot]) part.classList.toggle("stuck", stuck);
  }
}

function stage(id, label) {
  const svg = drawn("svg", { viewBox: "0 0 480 240", role: "img", "aria-label": label });
  byId(id).append(svg);
  return svg;
}

// Upstream's: the running loop calls the generator's, which waits for what the running one should do.
function twoLoops() {
  const svg = stage("two-loops", "The application's loop turns, calls Mimic's, and stands still; Mimic's waits for it for ever.");
  const [own, other] = [new Loop(svg, "the application's loop", 120), new Loop(svg, "run_until_complete", 360)];
  const call = drawn("path", { class: "waits", d: "M 190 90 L 288 90", "marker-end": "url(#arrow)" });
  const back = drawn("path", { class: "waits", d: "M 290 130 L 192 130", "marker-end": "url(#arrow)" });
  const marker = drawn("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" });
  marker.append(drawn("path", { d: "M 0 0 L 8 4 L 0 8 z", class: "bad" }));
  const told = drawn("text", { x: 240, y: 220, "text-anchor": "middle", class: "bad" });
  const words = [drawn("text", { x: 240, y: 82, "text-anchor": "middle" }, "waits for"), drawn("text", { x: 240, y: 148, "text-anchor": "middle" }, "waits for")];
  svg.append(marker, call, back, told, ...words);
  return (seconds) => {
    const [called, tried] = [2 * ROUND, 2.6 * ROUND];
    const stuck = seconds >= tried;
    own.to(Math.min(seconds, called) / ROUND, seconds < called ? "turning" : "called it", seconds >= called);
    other.to(Math.max(0, Math.min(seconds, tried) - called) / ROUND, seconds < called ? "" : stuck ? "needs a turn" : "begins", stuck);
    for (const part of [call, words[0]]) part.style.visibility = seconds >= called ? "visible" : "hidden";
    for (const part of [back, words[1]]) part.style.visibility = stuck ? "visible" : "hidden";
    told.textContent = stuck ? `[Trial 1/5]   nothing for ${Math.floor(seconds - tried)} s` : "";
  };
}

// Ours: at every turn the session takes a step.
function oneLoop() {
  const svg = stage("one-loop", "Kit's loop turns; at every turn the session takes one step.");
  const loop = new Loop(svg, "Kit's loop", 240);
  const told = drawn("text", { x: 240, y: 220, "text-anchor": "middle", class: "value" });
  svg.append(told, drawn("text", { x: 240, y: 74, "text-anchor": "middle" }, "session"), drawn("text", { x: 240, y: 192, "text-anchor": "middle" }, "window, extensions, coroutines"));
  return (seconds) => {
    const turns = seconds / ROUND;
    const steps = Math.floor(turns);
    loop.to(turns, turns % 1 < 0.5 ? "one step" : "everything else");
    told.textContent = `${steps} ${steps === 1 ? "step" : "steps"}, and the window still answers`;
  };
}

function animate() {
  const shown = [twoLoops(), oneLoop()];
  const rows = [...byId("frame").children];
  let seconds = still ? 3 * ROUND : 0;
  let before = null;
  let on = !still;
  const show = () => {
    for (const one of shown) one(seconds);
    rows.forEach((row, index) => row.classList.toggle("now", index === Math.floor(seconds / 1.2) % rows.length));
  };
  const next = (now) => {
    if (!on) return;
    seconds += before === null ? 0 : Math.max(0, now - before) / 1000;
    before = now;
    show();
    requestAnimationFrame(next);
  };
  const set = (value) => {
    on = value;
    before = null;
    byId("animate").textContent = on ? "Pause" : "Animate";
    byId("animate").setAttribute("aria-pressed", String(on));
    if (on) requestAnimationFrame(next);
  };
  byId("animate").addEventListener("click", () => set(!on));
  byId("again").addEventListener("click", () => {
    seconds = 0;
    set(true);
  });
  show();
  set(on);
}

// ---- what was measured ---------------------------------------------------------------------------------------------

function parts() {
  const told = data.cpu[0].ms_a_step_by_part.kit;
  for (const row of byId("frame").children) {
    const sum = (row.dataset.parts ?? "").split(",").reduce((total, name) => total + (told[name] ?? 0), 0);
    if (sum) {
      const number = document.createElement("b");
      number.textContent = ` ${sum.toFixed(2)} ms`;
      row.append(number);
    }
  }
  const names = Object.keys(told).filter((name) => name !== "all" && told[name] >= 0.005);
  const whole = names.reduce((total, name) => total + told[name], 0);
  const svg = drawn("svg", { viewBox: "0 0 960 34", role: "img", "aria-label": names.map((name) => `${name} ${told[name].toFixed(2)} ms`).join(", ") });
  let from = 0;
  names.forEach((name, index) => {
    const width = (960 * told[name]) / whole;
    svg.append(drawn("rect", { x: from, y: 2, width: Math.max(0, width - 1), height: 30, fill: colour(index) }));
    from += width;
  });
  const list = document.createElement("ul");
  list.className = "legend";
  legend(list, names.map((name, index) => [`${name} ${told[name].toFixed(2)}`, colour(index)]));
  byId("parts").append(svg, list);
}

function measured() {
  const row = (place, cells, kind) => place.insertRow().append(...cells.map((text) => Object.assign(document.createElement(kind), { textContent: text })));
  const number = (value) => (value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
  row(byId("measured").tHead, ["machine", "environments", "Isaac Lab's loop, steps a second", "here", "ratio", "kept an hour, here"], "th");
  const add = (machine, count, stock, ours) =>
    row(byId("measured").tBodies[0], [machine, String(count), number(stock.env_steps_a_second), number(ours.env_steps_a_second), (ours.env_steps_a_second / stock.env_steps_a_second).toFixed(1), number(ours.kept_an_hour)], "td");
  for (const { num_envs: count, sides } of data.cpu) add("two cores, no GPU", count, sides.stock, sides.kit ?? sides.ours);
  for (const { num_envs: count, stock, ours } of data.gpu.rounds) add(data.gpu.device, count, stock, ours);
  byId("measured-note").textContent = "Steps of single environments. Same task, scene, Mimic settings and seed on both sides; docs/throughput.md has how to measure it again.";
}

// ---- the demonstration ---------------------------------------------------------------------------------------------

async function demonstration() {
  const demo = data.demos[0];
  const track = await trackOf(demo, data.units);
  const replay = await Replay.create(byId("stage"), data.scene);
  replay.show(track);
  const ends = Object.entries(demo.signals).sort((one, other) => one[1] - other[1]);
  ends.push(["to the end", demo.steps]);
  ends.forEach(([, step], index) => replay.path(track, "", index ? ends[index - 1][1] : 0, step + 1, colour(index)));
  legend(byId("legend"), ends.map(([name], index) => [`hand: ${name}`, colour(index)]));
  const sources = demo.segments.map((segment) => `${segment.demo} ${segment.start}-${segment.end}`).join(", ");
  byId("origin").textContent = `Attempt ${demo.attempt}, seed ${demo.seed}, from the shipped demonstrations' steps ${sources}.`;
  const slider = byId("step");
  slider.max = String(demo.steps - 1);
  let playing = false;
  const at = (step) => {
    slider.value = String(step);
    replay.at(step);
    byId("at").textContent = `step ${step} of ${demo.steps - 1}`;
    byId("at").dataset.joints = JSON.stringify(track.joints.map((values) => values[step]));
  };
  const play = (on) => {
    playing = on;
    byId("play").textContent = on ? "Pause" : "Play";
    byId("play").setAttribute("aria-pressed", String(on));
    if (!on) return;
    const begin = Number(slider.value) >= demo.steps - 1 ? 0 : Number(slider.value);
    const started = performance.now();
    const next = (now) => {
      if (!playing) return;
      const step = Math.min(demo.steps - 1, begin + Math.floor(Math.max(0, now - started) / 1000 / data.step_seconds));
      at(step);
      if (step === demo.steps - 1) play(false);
      else requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  };
  byId("play").addEventListener("click", () => play(!playing));
  slider.addEventListener("input", () => {
    play(false);
    at(Number(slider.value));
  });
  at(0);
}

animate();
parts();
measured();
try {
  await demonstration();
} catch (error) {
  byId("stage").textContent = `No 3D view in this browser: ${error.message}`;
}
document.documentElement.dataset.ready = "true";
