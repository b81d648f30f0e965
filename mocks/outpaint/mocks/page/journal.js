// The list of calls: it grows while one looks. A search over all worlds is a list of its own, of links.

import { linkTo, name, namedCall } from "./address.js";
import { act, ask, lookAnew } from "./api.js";
import { $, fill, h, status, time } from "./elements.js";
import { criteria, inAllWorlds, isSearch, seeKeys, setUpSearch, showNothing } from "./search.js";

const MOST = 500;
const lines = new Map();
let settled = 0;
let nearest = null;
let chosen = null;
let turn = 0;
let choose = () => {};

export function setUpJournal(onChoose, routes, refresh) {
  choose = onChoose;
  setUpSearch(() => { forgetLines(); refresh(); }, routes);
  $("clear").addEventListener("click", () => act(async () => { await ask("DELETE", "/journal"); forgetCalls(); await refresh(); }));
  $("calls").addEventListener("keydown", move);
}

/** Forget what is listed: another search, world or journal begins. */
function forgetLines() {
  lines.clear();
  settled = 0;
  nearest = null;
  turn += 1;
  lookAnew();
  $("calls").replaceChildren();
}

/** Forget the chosen call too, so that one of the new ones is chosen. */
export function forgetCalls() {
  forgetLines();
  chosen = null;
  name({ call: null });
  choose(null);
}

export const knownCalls = () => [...lines.values()].map(({ call }) => call);

/** What to ask of the journal, and what an answer is worth: `turn` differs once it is another question. */
export const question = () => ({ turn, query: { after: settled, limit: MOST, ...criteria() } });

/** Take what came of a look; true if there was anything new. */
export function takeCalls(watched) {
  if (watched.settled < settled) { // the world was reset, or its journal cleared
    forgetCalls();
    return null;
  }
  const after = settled;
  const there = new Set(watched.calls.map((call) => call.number));
  for (const number of [...lines.keys()]) {
    const gone = watched.first === null || number < watched.first || (number > after && !there.has(number));
    if (gone) remove(number);
  }
  let changed = false;
  for (const call of watched.calls) changed = put(call) || changed;
  while (lines.size > MOST) remove(Math.min(...lines.keys()));
  settled = watched.settled;
  nearest = after ? nearest : watched.nearest;
  seeKeys(watched.calls);
  showCount(watched);
  if (chosen === null && namedCall() !== null) chooseCall(namedCall(), false);
  else if (chosen === null && lines.size) chooseCall(latest(), false);
  return changed;
}

function showCount({ world, first }) {
  const kept = first === null ? "" : first > 1 ? `, kept from #${first} on` : "";
  const all = world.calls ? `${world.calls} ${world.calls === 1 ? "call" : "calls"}${kept}` : "";
  $("count").textContent = isSearch() && !inAllWorlds() ? `${lines.size} of ${all || "none"}` : all;
  $("calls").hidden = inAllWorlds();
  $("found").hidden = !inAllWorlds();
  showNothing(inAllWorlds() || lines.size > 0, nearest, chooseCall);
}

/** Search every world, and list what is found as links. */
export async function searchAllWorlds() {
  if (!inAllWorlds()) return;
  const found = await ask("GET", `/calls?${new URLSearchParams({ limit: 200, ...criteria() })}`, undefined, "/_mock");
  seeKeys(found.calls.map(({ call }) => call));
  fill($("found"), found, ({ calls, more }) => [
    ...calls.toReversed().map(({ world, call }) => h("li", {}, h("a", { href: linkTo(call.number, world) }, ...line(call, world)))),
    calls.length ? null : h("li", { className: "quiet" }, "No call of any world fits."),
    more ? h("li", { className: "quiet" }, "There are more: narrow the search.") : null,
  ].filter(Boolean));
}

/** Show a call; scrolled to only if a person asked, for scrolling moves where their next Tab begins. */
export function chooseCall(number, asked = true) {
  lines.get(chosen)?.button.removeAttribute("aria-current");
  chosen = number;
  const button = lines.get(number)?.button;
  button?.setAttribute("aria-current", "true");
  if (asked) {
    button?.scrollIntoView({ block: "nearest" });
    name({ call: number });
  }
  choose(number);
}

function latest() {
  const pictured = knownCalls().filter((call) => call.has_image);
  return Math.max(...(pictured.length ? pictured : knownCalls()).map((call) => call.number));
}

function remove(number) {
  lines.get(number).item.remove();
  lines.delete(number);
}

function put(call) {
  const old = lines.get(call.number);
  if (old && JSON.stringify(old.call) === JSON.stringify(call)) return false;
  const button = h("button", { type: "button", onclick: () => chooseCall(call.number) }, ...line(call));
  const item = h("li", { value: call.number }, button);
  if (old) {
    const focused = document.activeElement === old.button;
    old.item.replaceWith(item);
    if (focused) button.focus();
  } else {
    // The latest first; one that waited, and fits the search only now, comes in between.
    const older = [...$("calls").children].find((other) => other.value < call.number);
    $("calls").insertBefore(item, older ?? null);
  }
  if (chosen === call.number) button.setAttribute("aria-current", "true");
  lines.set(call.number, { call, item, button });
  return true;
}

function line(call, world) {
  const answer = call.answered ? status(call.status) : h("b", { className: "status s0" }, "waits");
  const about = call.prompt ?? (call.inference_id ? `job ${call.inference_id.slice(0, 8)}` : call.path);
  const trouble = [call.error_code, call.fault && `connection: ${call.fault}`].filter(Boolean).join(", ");
  const notes = [
    world && `${world} · `, time(call.at), trouble && ` · ${trouble}`, call.latency ? ` · ${+call.latency.toFixed(3)} s late` : "",
    call.replay_of ? ` · #${call.replay_of} sent again` : "",
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
  const items = [...$("calls").children];
  const place = items.indexOf(item);
  const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: items.length - 1 }[event.key];
  items[next]?.querySelector("button").focus();
  items[next]?.querySelector("button").click();
}
