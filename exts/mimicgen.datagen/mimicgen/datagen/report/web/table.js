// The table of demonstrations, sorted and filtered.

import { byId, data, made } from "report/elements";

function flags(demo, median) {
  return [demo.success === false && "failed", demo.steps > 1.5 * median && "long", demo.steps < median / 1.5 && "short"].filter(Boolean);
}

// Returns what fills it, and fills it again when there are more demonstrations.
export function table(player) {
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
