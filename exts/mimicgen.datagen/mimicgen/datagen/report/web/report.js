// Puts the report's data into the page.

import { bars, colour, histogram, legend, lines, scatter } from "report/charts";
import { Replay, trackOf } from "report/replay";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const JOINT_FRACTION = 3;

function made(name, text = "", kind = "") {
  const element = document.createElement(name);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

function put(id, content) {
  byId(id).replaceChildren(content ?? made("p", "Nothing is recorded of this.", "empty"));
}

const percent = (part, whole) => `${Math.round((100 * part) / whole)}%`;

function duration(seconds) {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes === 0) return `${whole} s`;
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// ---- summary -------------------------------------------------------------------------------------------------------

function summary() {
  byId("title").textContent = data.dataset;
  byId("subtitle").textContent = data.task || "The file names no task.";
  const steps = data.demos.reduce((sum, demo) => sum + demo.steps, 0);
  const rows = [["Demonstrations", String(data.count)]];
  if (data.count > data.demos.length) rows.push(["In this page", `the first ${data.demos.length}`]);
  else rows.push(["Steps", `${steps} of ${data.step_seconds} s`]);
  if (data.funnel) {
    const kept = data.attempts.filter((attempt) => attempt.outcome === "success").length;
    rows.push(["Attempts", String(data.funnel.attempts)], ["Success rate", percent(kept, data.funnel.attempts || 1)]);
  }
  const run = data.run ?? {};
  const interval = run.counts?.success_rate_interval;
  if (interval) rows.push(["95% interval of the rate", interval.map((value) => percent(value, 1)).join(" to ")]);
  if (run.timings?.elapsed) {
    // A run that continues another one has its own time, and what the other one kept is not of that time.
    const before = run.counts.before ?? { attempts: 0, successes: 0 };
    const kept = run.counts.successes - before.successes;
    if (before.attempts) rows.push(["Kept by earlier sessions", `${before.successes} of ${before.attempts} attempts`]);
    rows.push([before.attempts ? "Time of the last session" : "Time", duration(run.timings.elapsed)]);
    if (kept) rows.push(["Kept an hour", String(Math.round((3600 * kept) / run.timings.elapsed))]);
  }
  if (run.end) rows.push(["End", run.end.reason]);
  if (run.config) rows.push(["Environments", String(run.config.num_envs)], ["Seed", String(run.config.seed)]);
  if (run.physics) rows.push(["Physics", run.physics]);
  for (const [name, version] of Object.entries(run.versions ?? {})) rows.push([name, String(version)]);
  byId("summary").replaceChildren(...rows.map(([name, value]) => {
    const group = made("div");
    group.append(made("dt", name), made("dd", value));
    return group;
  }));
}

// ---- attempts and spread -------------------------------------------------------------------------------------------

function attempts() {
  put("funnel", data.funnel && bars("Attempts that reached each subtask", data.funnel.reached, data.funnel.attempts));
  const decided = data.attempts.filter((attempt) => attempt.outcome !== "abandoned");
  let successes = 0;
  const rate = decided.map((attempt, index) => {
    successes += attempt.outcome === "success";
    return (100 * successes) / (index + 1);
  });
  put("rate", rate.length > 1 ? lines("Success rate over attempts [%]", [rate], { xLabel: "attempts; success rate so far [%]", range: [0, 105] }).svg : null);
  if (!data.reasons.length) return;
  const table = made("table");
  const head = table.createTHead().insertRow();
  for (const name of ["Attempts", "Why they failed"]) head.append(made("th", name));
  for (const [reason, count] of data.reasons) {
    const row = table.createTBody().insertRow();
    row.append(made("td", String(count)), made("td", reason));
  }
  byId("reasons").replaceChildren(table);
}

function spread() {
  put("lengths", data.demos.length ? histogram("Length of demonstrations", data.demos.map((demo) => demo.steps), "steps") : null);
  const range = data.run?.config ?? {};
  const [x, y] = [range["randomization.x"], range["randomization.y"]];
  const box = x && y ? { x, y } : null;
  const names = data.demos[0]?.objects ?? [];
  const groups = names.map((name, index) => ({ points: data.demos.map((demo) => demo.starts[index]).filter(Boolean) }));
  put("starts", names.length ? scatter("Where objects start", groups, { xLabel: "x, y [m]", box }) : null);
  const list = legend(made("ul", "", "legend"), names.map((name, index) => [name, colour(index)]));
  if (box) list.append(made("li", "dashed: the range that was set"));
  byId("starts").append(list);
  const ends = ["success", "failure"].map((outcome, index) => ({
    name: outcome,
    colour: `var(--${index ? "bad" : "good"})`,
    points: data.attempts.filter((attempt) => attempt.outcome === outcome).flatMap((attempt) => attempt.starts),
  }));
  const covered = ends.some(({ points }) => points.length);
  put("outcomes", covered ? scatter("Where objects start, by outcome", ends, { xLabel: "x, y [m]", box }) : null);
  if (covered) byId("outcomes").append(legend(made("ul", "", "legend"), ends.map(({ name, colour: fill }) => [name, fill])));
  const offsets = data.demos.flatMap((demo) => demo.offsets);
  put("offsets", offsets.length ? scatter("Offsets of stacked objects", [{ points: offsets }], { xLabel: "x, y [mm]", cross: true, scale: 1000 }) : null);
}

// ---- replay --------------------------------------------------------------------------------------------------------

// Where a demonstration's subtasks end: at their signals, and the last one at the end.
function subtasks(demo) {
  const ends = Object.entries(demo.signals).filter(([, step]) => step !== null).map(([name, step]) => ({ name, step }));
  ends.sort((one, other) => one.step - other.step);
  return [...ends, { name: "to the end", step: demo.steps }];
}

class Player {
  constructor(replay) {
    this.replay = replay;
    this.tracks = new Map();
    this.step = 0;
    byId("demo").addEventListener("change", () => this.choose(Number(byId("demo").value)));
    this.extend();
    byId("other").addEventListener("change", () => this.compare(byId("other").value));
    byId("step").addEventListener("input", () => this.at(Number(byId("step").value)));
    byId("play").addEventListener("click", () => this.play(!this.playing));
    byId("view").addEventListener("click", () => replay.resetView());
    byId("replay").addEventListener("keydown", (event) => {
      if (event.key === " " && !["SELECT", "BUTTON"].includes(event.target.tagName)) {
        event.preventDefault();
        this.play(!this.playing);
      }
    });
  }

  fill(select, options) {
    select.replaceChildren(...options.map(([value, text]) => {
      const option = made("option", text);
      option.value = value;
      return option;
    }));
  }

  // Lets the demonstrations that there are be chosen.
  extend() {
    const chosen = byId("demo").value;
    this.fill(byId("demo"), data.demos.map((demo, index) => [String(index), demo.name]));
    if (chosen) byId("demo").value = chosen;
  }

  async track(demo) {
    if (!this.tracks.has(demo)) this.tracks.set(demo, await trackOf(demo, data.units));
    return this.tracks.get(demo);
  }

  async choose(index) {
    const demo = data.demos[index];
    this.play(false);
    this.demo = demo;
    this.own = await this.track(demo);
    if (this.demo !== demo) return; // another was chosen meanwhile
    byId("demo").value = String(index);
    this.replay.show(this.own, demo.base);
    const others = data.demos.map((other, number) => [String(number), other.name]).filter(([number]) => number !== String(index));
    const sources = demo.segments.length && data.sources.length ? [["sources", "its source segments"]] : [];
    this.fill(byId("other"), [["", "nothing"], ...sources, ...others]);
    this.replay.compare(null);
    this.replay.clearPaths();
    const ends = subtasks(demo);
    if (demo.hands) ends.forEach(({ step }, number) => this.replay.path(this.own, number ? ends[number - 1].step : 0, step + 1, colour(number)));
    legend(byId("legend"), ends.map(({ name }, number) => [`hand: ${name}`, colour(number)]));
    const marks = ends.slice(0, -1);
    const scaled = this.own.joints.map((values, joint) => (joint < this.own.joints.length - 2 ? values : values.map((value) => value * 100)));
    this.charts = [
      lines("Actions", this.own.actions, { marks, xLabel: "step; metres, radians, open or closed" }),
      lines("Joint positions", scaled, { marks, xLabel: "step; arm [rad], fingers [cm]" }),
    ];
    const named = (names) => legend(made("ul", "", "legend"), names.map((name, number) => [name, colour(number)]));
    const motions = demo.actions === 7 ? ["x", "y", "z", "turn x", "turn y", "turn z", "gripper"] : this.own.actions.map((_, number) => `${number + 1}`);
    const moving = data.robot.links.filter((link) => link.joint).map((link) => link.joint.name.replace(/^panda_/, "").replaceAll("_", " "));
    byId("actions").replaceChildren(this.charts[0].svg, named(motions));
    byId("joints").replaceChildren(this.charts[1].svg, named(moving.slice(0, demo.joints)));
    byId("pictures").replaceChildren(...(demo.pictures ?? []).map(({ caption, jpeg }) => {
      const picture = made("img");
      picture.src = `data:image/jpeg;base64,${jpeg}`;
      picture.alt = caption;
      const figure = made("figure");
      figure.append(picture, made("figcaption", caption));
      return figure;
    }));
    byId("step").max = String(demo.steps - 1);
    for (const row of byId("table").tBodies[0].rows) row.setAttribute("aria-selected", String(row.dataset.demo === String(index)));
    this.at(0);
  }

  async compare(value) {
    if (value === "sources") {
      this.replay.compare(null);
      for (const segment of this.demo.segments) {
        const source = data.sources.find((other) => other.name === segment.demo);
        if (source) this.replay.path(await this.track(source), segment.start, segment.end, colour(segment.subtask), true);
      }
    } else {
      const other = value === "" ? null : data.demos[Number(value)];
      this.replay.compare(other && (await this.track(other)), other?.base);
    }
    this.at(this.step);
  }

  at(step) {
    this.step = step;
    this.replay.at(step);
    byId("step").value = String(step);
    byId("at").textContent = `step ${step} of ${this.demo.steps - 1}, ${(step * data.step_seconds).toFixed(2)} s`;
    for (const chart of this.charts) chart.at(step);
    const computed = this.replay.main.robot.hand().toArray();
    const recorded = step < this.own.hands ? this.own.hand.map((values) => values[step]) : null;
    const told = (point) => point.map((value) => value.toFixed(JOINT_FRACTION)).join(", ");
    const note = byId("hand");
    note.textContent = `Hand at ${told(computed)} m` + (recorded ? `; recorded ${told(recorded)} m` : "");
    note.dataset.computed = JSON.stringify(computed);
    note.dataset.recorded = JSON.stringify(recorded);
    note.dataset.joints = JSON.stringify(this.own.joints.map((values) => values[step]));
  }

  play(on) {
    this.playing = on;
    byId("play").textContent = on ? "Pause" : "Play";
    byId("play").setAttribute("aria-pressed", String(on));
    if (!on) return;
    if (this.step >= this.demo.steps - 1) this.at(0);
    let before = performance.now();
    let exact = this.step;
    const next = (now) => {
      if (!this.playing) return;
      if (Math.floor(exact) !== this.step) exact = this.step; // scrubbed meanwhile
      // The first frame may have begun before the button was pressed.
      exact += (Math.max(0, now - before) / 1000 / data.step_seconds) * Number(byId("speed").value);
      before = now;
      const step = Math.min(Math.floor(exact), this.demo.steps - 1);
      if (step !== this.step) this.at(step);
      if (step === this.demo.steps - 1) this.play(false);
      else requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }
}

// ---- table ---------------------------------------------------------------------------------------------------------

function flags(demo, median) {
  return [demo.success === false && "failed", demo.steps > 1.5 * median && "long", demo.steps < median / 1.5 && "short"].filter(Boolean);
}

function table(player) {
  let median = 0;
  const columns = [
    ["Name", (demo) => demo.name],
    ["Steps", (demo) => demo.steps],
    ["Attempt", (demo) => demo.attempt ?? ""],
    ["Seed", (demo) => demo.seed ?? ""],
    ["Sources", (demo) => [...new Set(demo.segments.map((segment) => segment.demo))].join(", ")],
    ["Flags", (demo) => flags(demo, median).join(", ")],
  ];
  const body = byId("table").tBodies[0];
  const order = new Intl.Collator("en", { numeric: true });
  let rows = [];
  const rowOf = (demo, index) => {
    const row = made("tr");
    row.dataset.demo = String(index);
    columns.forEach(([, value], number) => {
      const cell = made("td");
      const text = String(value(demo));
      if (number === 0) {
        const button = made("button", text);
        button.type = "button";
        button.addEventListener("click", () => {
          player?.choose(index);
          byId("replay").scrollIntoView({ behavior: "smooth" });
        });
        cell.append(button);
      } else cell.textContent = text;
      row.append(cell);
    });
    row.setAttribute("aria-selected", String(player?.demo === demo));
    return row;
  };
  const head = byId("table").tHead.insertRow();
  let sorted = [0, 1];
  const show = () => {
    const text = byId("filter").value.toLowerCase();
    const [column, direction] = sorted;
    const value = (row) => row.cells[column].textContent;
    const kept = rows.filter((row) => row.textContent.toLowerCase().includes(text));
    body.replaceChildren(...kept.sort((one, other) => direction * order.compare(value(one), value(other))));
    byId("count").textContent = `${kept.length} of ${rows.length}`;
    [...head.cells].forEach((cell, index) => cell.setAttribute("aria-sort", index !== column ? "none" : direction > 0 ? "ascending" : "descending"));
  };
  columns.forEach(([name], index) => {
    const button = made("button", name);
    button.type = "button";
    button.addEventListener("click", () => {
      sorted = [index, sorted[0] === index ? -sorted[1] : 1];
      show();
    });
    const cell = made("th");
    cell.scope = "col";
    cell.append(button);
    head.append(cell);
  });
  byId("filter").addEventListener("input", show);
  return () => {
    const lengths = data.demos.map((demo) => demo.steps).sort((one, other) => one - other);
    median = lengths[Math.floor(lengths.length / 2)] ?? 0;
    rows = data.demos.map(rowOf);
    show();
  };
}

// ---- a run that is going on ----------------------------------------------------------------------------------------

const PAUSE = 2000; // between two questions [ms]

async function watch(show) {
  try {
    const answer = await fetch(`records?known=${data.demos.length}`);
    if (!answer.ok) throw new Error(await answer.text());
    const { demos, ...rest } = await answer.json();
    const changed = demos.length > 0 || rest.attempts.length !== data.attempts.length;
    Object.assign(data, rest);
    data.demos.push(...demos);
    if (changed) await show();
    byId("live").textContent = `Live: as of ${new Date().toLocaleTimeString()}.`;
    setTimeout(watch, PAUSE, show);
  } catch (error) {
    byId("live").textContent = `The run is not served any more; when it has ended, report.html in its output folder has all of it. (${error.message})`;
  }
}

summary();
attempts();
spread();
let player = null;
try {
  player = new Player(await Replay.create(byId("stage"), data.robot));
} catch (error) {
  put("stage", made("p", `No 3D view in this browser: ${error.message}`, "empty"));
}
const fillTable = table(player);
fillTable();
if (data.demos.length) await player?.choose(0);
if (data.live) {
  byId("live").hidden = false;
  watch(async () => {
    summary();
    attempts();
    spread();
    player?.extend();
    fillTable();
    if (data.demos.length && player && !player.demo) await player.choose(0);
  });
}
document.documentElement.dataset.ready = "true";
