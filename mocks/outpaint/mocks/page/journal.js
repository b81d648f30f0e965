// The list of calls: it grows while one looks, and what waits for its answer is asked for again.

import { act, ask } from "./api.js";
import { $, h, status, time } from "./elements.js";

const MOST = 500;
const lines = new Map();
let total = 0;
let chosen = null;
let choose = () => {};

export function setUpJournal(onChoose, routes) {
  choose = onChoose;
  $("route").append(...routes.filter((name) => name !== "any").map((name) => h("option", { value: name }, `${name} calls`)));
  $("route").addEventListener("change", () => lines.forEach(({ call, item }) => { item.hidden = !fits(call); }));
  $("clear").addEventListener("click", () => act(async () => { await ask("DELETE", "/journal"); forgetCalls(); await followCalls(); }));
  $("calls").addEventListener("keydown", move);
}

export function forgetCalls() {
  lines.clear();
  total = 0;
  chosen = null;
  $("calls").replaceChildren();
  choose(null);
}

export const knownCalls = () => [...lines.values()].map(({ call }) => call);

/** Fetch what is new; true if anything was. */
export async function followCalls() {
  const waiting = [...lines.values()].filter(({ call }) => !call.answered).map(({ call }) => call.number);
  const after = waiting.length ? Math.min(...waiting) - 1 : Math.max(0, ...lines.keys());
  const page = await ask("GET", `/journal?after=${after}&limit=${MOST}`);
  if (page.total < total) {
    forgetCalls(); // the world was reset
    return followCalls();
  }
  total = page.total;
  let changed = false;
  for (const call of page.calls) changed = put(call) || changed;
  while (lines.size > MOST) {
    const [oldest, { item }] = lines.entries().next().value;
    item.remove();
    lines.delete(oldest);
  }
  $("count").textContent = total ? `${total} ${total === 1 ? "call" : "calls"}${page.dropped ? `, the first ${page.dropped} no longer kept` : ""}` : "";
  $("no-calls").hidden = lines.size > 0;
  $("no-calls").textContent = "No call has come yet.";
  if (chosen === null && lines.size) chooseCall(latest(), false);
  return changed;
}

/** Show a call; scrolled to only if a person asked, for scrolling moves where their next Tab begins. */
export function chooseCall(number, asked = true) {
  const line = lines.get(number);
  if (!line) return;
  lines.get(chosen)?.button.removeAttribute("aria-current");
  chosen = number;
  line.button.setAttribute("aria-current", "true");
  if (asked) line.button.scrollIntoView({ block: "nearest" });
  choose(line.call);
}

function latest() {
  const pictured = knownCalls().filter((call) => call.has_image);
  return (pictured.at(-1) ?? knownCalls().at(-1)).number;
}

const fits = (call) => !$("route").value || call.route === $("route").value;

function put(call) {
  const old = lines.get(call.number);
  if (old && JSON.stringify(old.call) === JSON.stringify(call)) return false;
  const button = h("button", { type: "button", onclick: () => chooseCall(call.number) }, ...line(call));
  const item = h("li", { hidden: !fits(call) }, button);
  if (old) {
    const focused = document.activeElement === old.button;
    old.item.replaceWith(item);
    if (focused) button.focus();
  } else {
    $("calls").prepend(item);
  }
  lines.set(call.number, { call, item, button });
  if (chosen === call.number) chooseCall(call.number, false);
  return true;
}

function line(call) {
  const answer = call.answered ? status(call.status) : h("b", { className: "status s0" }, "waits");
  const about = call.prompt ?? (call.inference_id ? `job ${call.inference_id.slice(0, 8)}` : call.path);
  const trouble = [call.error_code, call.fault && `connection: ${call.fault}`].filter(Boolean).join(", ");
  const notes = [
    time(call.at), trouble && ` · ${trouble}`, call.latency ? ` · ${+call.latency.toFixed(3)} s late` : "",
  ];
  return [
    h("span", { className: "number" }, String(call.number)),
    h("span", { className: "what" }, h("b", {}, call.route ?? call.method), ` ${about}`),
    answer,
    h("span", { className: "note" }, ...notes, ...call.effects.flatMap((effect) => [" ", h("span", { className: "chip" }, effect)])),
  ];
}

function move(event) {
  const item = event.target.closest("li");
  if (!item || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const items = [...$("calls").children].filter((other) => !other.hidden);
  const place = items.indexOf(item);
  const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: items.length - 1 }[event.key];
  items[next]?.querySelector("button").focus();
  items[next]?.querySelector("button").click();
}
