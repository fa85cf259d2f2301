// What each hand does when.

import { colour } from "report/charts";
import { made } from "report/elements";

// Each hand's name, and its subtasks with the steps between which they are done.
//
// Where a run recorded when subtasks began and were over, that; otherwise a subtask ends at its signal.
export function lanesOf(demo, described) {
  const told = Object.entries(described);
  const words = (eef, number) => {
    const own = (told.length === 1 ? told[0][1] : described[eef])?.[number];
    return own?.text ?? `subtask ${number + 1}`;
  };
  const chosen = demo.segments.filter(({ begun }) => Number.isInteger(begun));
  const lanes = new Map();
  const lane = (eef) => lanes.get(eef) ?? lanes.set(eef, []).get(eef);
  if (chosen.length) {
    for (const { eef, subtask, begun, over } of chosen) lane(eef).push({ eef, subtask, name: words(eef, subtask), from: begun, to: over ?? demo.steps });
  } else {
    const came = Object.entries(demo.signals).filter(([, step]) => step !== null);
    const own = told.length > 1 ? told : [["", came.sort((one, other) => one[1] - other[1]).map(([until]) => ({ until }))]];
    for (const [eef, subtasks] of own) {
      const parts = lane(eef);
      for (const { until } of subtasks.filter((own) => demo.signals[own.until] != null)) {
        parts.push({ eef, subtask: parts.length, name: told.length ? words(eef, parts.length) : until, from: parts.at(-1)?.to ?? 0, to: demo.signals[until] });
      }
      const last = told.length ? words(eef, parts.length) : "to the end";
      if ((parts.at(-1)?.to ?? 0) < demo.steps) parts.push({ eef, subtask: parts.length, name: last, from: parts.at(-1)?.to ?? 0, to: demo.steps });
    }
  }
  let number = 0;
  for (const parts of lanes.values()) for (const part of parts) part.colour = colour(number++);
  return [...lanes].map(([eef, parts]) => ({ eef, parts }));
}

// The lanes below each other, the constraints between their subtasks, and a cursor that `at` moves.
export function timeline(lanes, constraints, steps) {
  const place = made("div", "", "timeline");
  place.setAttribute("role", "img");
  const share = (step) => `${(100 * Math.min(step, steps)) / steps}%`;
  const rows = made("div", "", "lanes");
  const words = [];
  const bonds = [];
  if (lanes.length > 1) {
    const names = made("div", "", "names");
    names.append(...lanes.map(({ eef }) => made("div", eef)));
    place.append(names);
  }
  for (const { eef, parts } of lanes) {
    const row = made("div", "", "lane");
    for (const { name, from, to, colour: fill } of parts) {
      const part = made("div", name);
      part.title = `${name}: steps ${from} to ${to}`;
      Object.assign(part.style, { left: share(from), width: share(to - from), background: fill });
      row.append(part);
      words.push(`${eef ? `${eef}: ` : ""}${part.title}`);
    }
    rows.append(row);
  }
  const found = ([eef, subtask]) => {
    const at = lanes.findIndex((lane) => lane.eef === eef);
    const part = lanes[at]?.parts.find((own) => own.subtask === subtask);
    return part && { ...part, at };
  };
  for (const { kind, between } of constraints) {
    const [first, second] = between.map(found);
    if (!first || !second) continue;
    const bond = made("div", "", `bond ${kind}`);
    const [top, bottom] = [Math.min(first.at, second.at), Math.max(first.at, second.at)];
    const together = kind === "coordination";
    const [from, to] = together ? [Math.max(first.from, second.from), Math.min(first.to, second.to)] : [first.to, Math.max(first.to, second.from)];
    const [one, other] = [first, second].map(({ eef, name }) => `${eef}: ${name}`);
    bonds.push(together ? `dashed: together, ${one} and ${other}` : `dashed: first ${one}, then ${other}`);
    Object.assign(bond.style, { left: share(from), width: share(to - from), top: `calc(${top} * var(--row))`, height: `calc(${bottom - top + 1} * var(--row))` });
    rows.append(bond);
  }
  place.setAttribute("aria-label", [...words, ...bonds].join("; "));
  const now = made("div", "", "now");
  rows.append(now);
  place.append(rows);
  return { place, bonds, at: (step) => { now.style.left = share(step); } };
}
