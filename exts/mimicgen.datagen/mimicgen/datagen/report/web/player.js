// The replay of a demonstration, with its plots and pictures.

import { legend, lines, pattern } from "report/charts";
import { byId, data, made } from "report/elements";
import { trackOf } from "report/replay";
import { lanesOf, timeline } from "report/timeline";

const FRACTION = 3; // digits of a place [m]

// Name of every recorded joint, and whether it slides; names begin where they differ.
function jointsOf(track) {
  const several = track.robots.length > 1;
  return track.robots.flatMap(({ name, joints }) => {
    const known = (data.scene.assets[name]?.links ?? []).filter((link) => link.joint).map((link) => link.joint);
    const parts = known[0]?.name.split("_") ?? [];
    const common = parts.findIndex((part, index) => !known.every((joint) => joint.name.split("_")[index] === part));
    const shown = (joint) => joint.name.split("_").slice(Math.max(common, 0)).join(" ");
    const whose = several ? `${name} ` : "";
    return joints.map((_, index) => (known[index] ? { name: whose + shown(known[index]), slides: known[index].slides } : { name: `${name} ${index + 1}`, slides: false }));
  });
}

export class Player {
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
    this.replay.show(this.own);
    const others = data.demos.map((other, number) => [String(number), other.name]).filter(([number]) => number !== String(index));
    const sources = demo.segments.length && data.sources.length ? [["sources", "its source segments"]] : [];
    this.fill(byId("other"), [["", "nothing"], ...sources, ...others]);
    this.replay.compare(null);
    this.replay.clearPaths();
    this.lanes = lanesOf(demo, data.scene.subtasks);
    const parts = this.lanes.flatMap((lane) => lane.parts);
    for (const part of parts) this.replay.path(this.own, part.eef, part.from, part.to + 1, part.colour);
    const whose = (eef) => (this.lanes.length > 1 ? eef : "hand");
    legend(byId("legend"), parts.map(({ eef, name, colour: fill }) => [`${whose(eef)}: ${name}`, fill]));
    this.timeline = timeline(this.lanes, data.scene.constraints, demo.steps);
    byId("timeline").replaceChildren(this.timeline.place);
    byId("legend").append(...this.timeline.bonds.map((text) => made("li", text)));
    byId("timeline").hidden = parts.length < 2;
    const marks = [...new Set(parts.map(({ from }) => from))].filter((step) => step > 0);
    const moving = jointsOf(this.own);
    const scaled = this.own.joints.map((values, index) => (moving[index].slides ? values.map((value) => value * 100) : values));
    this.charts = [
      lines("Actions", this.own.actions, { marks, xLabel: "step; metres, radians, open or closed" }),
      lines("Joint positions", scaled, { marks, xLabel: "step; turning [rad], sliding [cm]" }),
    ];
    const named = (names) => legend(made("ul", "", "legend"), names.map((name, number) => [name, pattern(number)]));
    const numbered = demo.actions === 7 ? ["x", "y", "z", "turn x", "turn y", "turn z", "gripper"] : this.own.actions.map((_, number) => `${number + 1}`);
    const motions = data.scene.actions.length === demo.actions ? data.scene.actions : numbered;
    byId("actions").replaceChildren(this.charts[0].svg, named(motions));
    byId("joints").replaceChildren(this.charts[1].svg, named(moving.map(({ name }) => name)));
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
        const like = (part) => part.subtask === segment.subtask && (part.eef === segment.eef || this.lanes.length === 1);
        const part = this.lanes.flatMap((lane) => lane.parts).find(like);
        if (source && part) this.replay.path(await this.track(source), segment.eef, segment.start, segment.end, part.colour, true);
      }
    } else {
      const other = value === "" ? null : data.demos[Number(value)];
      this.replay.compare(other && (await this.track(other)));
    }
    this.at(this.step);
  }

  at(step) {
    this.step = step;
    this.replay.at(step);
    byId("step").value = String(step);
    byId("at").textContent = `step ${step} of ${this.demo.steps - 1}, ${(step * data.step_seconds).toFixed(2)} s`;
    for (const chart of [...this.charts, this.timeline]) chart.at(step);
    const computed = this.replay.main.hands().map(({ eef, point }) => ({ eef, point: point.toArray() }));
    const known = step < this.demo.steps - 1; // observations are of the moment before a step
    const recorded = known ? this.own.hands.map(({ eef, way }) => ({ eef, point: way.map((values) => values[step]) })) : [];
    const told = (point) => `${point.map((value) => value.toFixed(FRACTION)).join(", ")} m`;
    const note = byId("hand");
    const hands = computed.length ? computed : recorded;
    note.textContent = hands.map(({ eef, point }) => {
      const other = recorded.find((own) => own.eef === eef || recorded.length === 1);
      return `${hands.length > 1 ? eef : "Hand"} at ${told(point)}${computed.length && other ? `, recorded ${told(other.point)}` : ""}`;
    }).join("; ");
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
