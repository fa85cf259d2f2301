// What the modules of the report share: its data, and its elements.

export const data = JSON.parse(document.getElementById("data").textContent);
export const byId = (id) => document.getElementById(id);

export function made(name, text = "", kind = "") {
  const element = document.createElement(name);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

export function put(id, content) {
  byId(id).replaceChildren(content ?? made("p", "Nothing is recorded of this.", "empty"));
}
