// Elements from data: text is set as text, never read as markup.

export const $ = (id) => document.getElementById(id);

/** An element with properties (attributes where the name has a dash, or is none of the element's) and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && name !== "list" && name !== "role") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const shown = new WeakMap();

/** Fill an element anew, but only if what it shows has changed: focus and scrolling stay where they are. */
export function fill(element, data, make) {
  const key = JSON.stringify(data);
  if (shown.get(element) === key) return;
  shown.set(element, key);
  element.replaceChildren(...[make(data)].flat());
}

export const date = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 19);
export const time = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 23);
export const status = (value) =>
  h("b", { className: `status s${value === null ? 0 : String(value)[0]}` }, value === null ? "–" : String(value));
