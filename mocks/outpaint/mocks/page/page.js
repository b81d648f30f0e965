// The page put together: a look at the world every second, and what a person does in between.

import { name, world } from "./address.js";
import { act, ask, say, watch } from "./api.js";
import { showCall } from "./call.js";
import { setUpTools } from "./call_tools.js";
import { setUpClock, showClock } from "./clock.js";
import { $, fill, h } from "./elements.js";
import { forgetCalls, question, searchAllWorlds, setUpJournal, takeCalls } from "./journal.js";
import { setUpScenarios, showScenarios } from "./scenarios.js";
import { setUpSide, showJobs, showReport, showSources } from "./side.js";

const PACE_MS = 1000;
let baseUrl = "";
let chosen = null;
let running = null;
let searched = null;

async function look() {
  const { turn, query } = question();
  const shown = await watch({ world: world(), ...query });
  if (shown === null || question().turn !== turn) return;
  const first = baseUrl !== shown.world.base_url;
  baseUrl = shown.world.base_url;
  $("base-url").textContent = baseUrl;
  fill($("world"), [shown.worlds, world()], ([names, here]) => names.map((one) => h("option", { value: one, selected: one === here }, one)));
  showClock(shown.world.clock);
  showScenarios(shown.scenarios);
  showJobs(shown.jobs);
  showSources(shown.sources);
  const changed = takeCalls(shown);
  if (turn !== searched) {
    searched = turn;
    await searchAllWorlds();
  }
  if (changed || first) {
    showReport(await ask("GET", "/report"));
    await showCall(chosen, baseUrl);
  }
}

/** Look now; looks that overlap are one. */
function refresh() {
  running ??= look().then(() => { if ($("message").dataset.lost) { delete $("message").dataset.lost; say(""); } })
    .catch((error) => { $("message").dataset.lost = "yes"; say(error.message); })
    .finally(() => { running = null; });
  return running;
}

/** Look once more after what was done, whatever look is under way. */
async function again() {
  await running;
  await refresh();
}

async function visit(other) {
  name({ world: other });
  forgetCalls();
  baseUrl = "";
  await again();
}

/** Whether the person means it: asked in a dialog, which Escape and Cancel close. */
function confirmed() {
  const dialog = $("confirm");
  dialog.returnValue = "";
  $("confirm-world").textContent = world();
  dialog.showModal();
  return new Promise((resolve) => { dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }); });
}

async function begin() {
  const language = await ask("GET", "/language", undefined, "/_mock");
  setUpClock(again);
  setUpTools(again);
  setUpJournal((number) => { chosen = number; act(() => showCall(number, baseUrl)); }, language.on, again);
  setUpScenarios(language, again);
  setUpSide(again);
  $("world").addEventListener("change", () => visit($("world").value));
  $("new-world").addEventListener("submit", (event) => {
    event.preventDefault();
    const other = $("world-name").value.trim();
    if (other) act(async () => { await ask("PUT", `/worlds/${encodeURIComponent(other)}`, undefined, "/_mock"); $("world-name").value = ""; await visit(other); });
  });
  $("reset").addEventListener("click", () => act(async () => {
    if (!(await confirmed())) return;
    await ask("POST", "/reset");
    forgetCalls();
    baseUrl = "";
    await again();
  }));
  await refresh();
  document.body.dataset.ready = "yes";
  setInterval(() => { if (!document.hidden) refresh(); }, PACE_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
}

act(begin);
