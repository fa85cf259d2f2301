// Puts the report's data into the page.

import { bars, colour, histogram, legend, lines, parts, scatter, turns } from "report/charts";
import { byId, data, made, put } from "report/elements";
import { Player } from "report/player";
import { Replay } from "report/replay";
import { table } from "report/table";

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
  const { instruction } = data.scene;
  byId("subtitle").textContent = [instruction, data.task && instruction ? `(${data.task})` : data.task].filter(Boolean).join(" ") || "The file names no task.";
  const steps = data.demos.reduce((sum, demo) => sum + demo.steps, 0);
  const rows = [["Demonstrations", String(data.count)]];
  if (data.count > data.demos.length) rows.push(["In this page", `the first ${data.demos.length}`]);
  else rows.push(["Steps", `${steps} of ${data.step_seconds} s`]);
  if (data.funnel) {
    const kept = data.attempts.filter((attempt) => attempt.outcome === "success").length;
    rows.push(["Attempts", String(data.funnel.attempts)], ["Success rate", percent(kept, data.funnel.attempts || 1)]);
    const { tries, perturbed } = data.funnel;
    if (tries > data.funnel.attempts) rows.push(["Of all tries", `${kept} of ${tries}, ${percent(kept, tries)}`]);
    if (perturbed[1]) rows.push(["Disturbed attempts kept", `${perturbed[0]} of ${perturbed[1]}`]);
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

// A stage of the funnel by what is done until its signal comes, where that is told.
function inWords(stage) {
  const own = Object.values(data.scene.subtasks).flat().find(({ until }) => until === stage);
  return own ? `${own.text} (${stage})` : stage;
}

function attempts() {
  put("funnel", data.funnel && bars("Attempts that reached each subtask", data.funnel.reached, data.funnel.attempts));
  if (data.funnel?.lost.length) {
    byId("lost").replaceChildren(tableOf(["Not reached", "Attempts", "What was missing most"], data.funnel.lost.map(([stage, part, count]) => [inWords(stage), count, part])));
  }
  const decided = data.attempts.filter((attempt) => attempt.outcome !== "abandoned");
  let successes = 0;
  const rate = decided.map((attempt, index) => {
    successes += attempt.outcome === "success";
    return (100 * successes) / (index + 1);
  });
  put("rate", rate.length > 1 ? lines("Success rate over attempts [%]", [rate], { xLabel: "attempts; success rate so far [%]", range: [0, 105] }).svg : null);
  if (!data.reasons.length) return;
  byId("reasons").replaceChildren(tableOf(["Attempts", "Why they failed"], data.reasons.map(([reason, count]) => [count, reason])));
}

function tableOf(names, values) {
  const table = made("table");
  const head = table.createTHead().insertRow();
  for (const name of names) head.append(made("th", name));
  const body = table.createTBody();
  for (const own of values) body.insertRow().append(...own.map((value) => made("td", String(value))));
  return table;
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
  coverage();
  const offsets = data.demos.flatMap((demo) => demo.offsets);
  put("offsets", offsets.length ? scatter("Offsets of stacked objects", [{ points: offsets }], { xLabel: "x, y [mm]", cross: true, scale: 1000 }) : null);
}

// Where attempts began and how they ended, object by object, and how many were kept in each part of its range.
function coverage() {
  const { objects, sources, missing } = data.coverage;
  const ends = [["success", "var(--good)"], ["failure", "var(--bad)"]];
  const begun = (name, outcome) => data.attempts.filter((attempt) => attempt.outcome === outcome).map((attempt) => attempt.starts[name]).filter((start) => start?.length === 2);
  const drawn = Object.entries(objects).map(([name, own]) => {
    const figure = made("figure");
    figure.dataset.object = name;
    figure.append(made("figcaption", `${name}: kept in ${own.parts_kept} of the ${own.parts_attempted} parts where attempts began, of ${own.parts}`));
    const groups = ends.map(([outcome, fill]) => ({ colour: fill, points: begun(name, outcome) }));
    if (own.attempts) figure.append(parts(`Kept of attempted starts of ${name}`, own, groups));
    if (own.yaw) figure.append(turns(`Kept of attempted turns of ${name}`, own));
    return figure;
  });
  if (!drawn.length) return put("coverage", null);
  const list = legend(made("ul", "", "legend"), ends);
  list.append(made("li", "kept of attempted in each part; the redder, the more were lost"));
  const told = made("ul", "", "missing");
  told.append(...(missing.length ? missing : ["Nothing is missing: no part of a range, and nothing that follows a source demonstration, is kept notably less often than the rest."]).map((words) => made("li", words)));
  const pair = made("div", "", "pair");
  pair.append(...drawn);
  byId("coverage").replaceChildren(pair, list, told);
  if (!sources.length) return;
  const severalHands = new Set(sources.map(({ eef }) => eef)).size > 1;
  const rows = sources.map((own) => [severalHands ? `${own.eef}: ${own.signal}` : own.signal, `${own.used} of ${own.of}`, `${own.bits.toFixed(2)} bits, ${percent(own.share, 1)} of the most`]);
  byId("coverage").append(tableOf(["Subtask until", "Source demonstrations used", "Entropy of their use"], rows));
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
  player = new Player(await Replay.create(byId("stage"), data.scene));
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
