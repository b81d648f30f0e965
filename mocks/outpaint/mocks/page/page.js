// The page put together: a look at the world every second, and what a person does in between.

import { act, ask, current, enter, say } from "./api.js";
import { showCall } from "./call.js";
import { setUpClock, showClock } from "./clock.js";
import { $, fill, h } from "./elements.js";
import { followCalls, forgetCalls, setUpJournal } from "./journal.js";
import { setUpScenarios, showScenarios } from "./scenarios.js";
import { setUpSide, showJobs, showReport, showSources } from "./side.js";

const PACE_MS = 1000;
let baseUrl = "";
let chosen = null;
let running = null;

async function look() {
  const name = current();
  const [{ worlds }, world, scenarios, jobs, sources] = await Promise.all([
    ask("GET", "/worlds", undefined, "/_mock"),
    ask("GET", "/world"),
    ask("GET", "/scenarios"),
    ask("GET", "/jobs?pending=true&limit=50"),
    ask("GET", "/sources"),
  ]);
  if (name !== current()) return;
  const first = baseUrl !== world.base_url;
  baseUrl = world.base_url;
  $("base-url").textContent = baseUrl;
  fill($("world"), [worlds.map((one) => one.name), name], ([names]) => names.map((one) => h("option", { value: one, selected: one === name }, one)));
  showClock(world.clock);
  showScenarios(scenarios);
  showJobs(jobs);
  showSources(sources);
  const changed = await followCalls();
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

async function visit(name) {
  enter(name);
  forgetCalls();
  baseUrl = "";
  await running;
  await refresh();
}

async function begin() {
  const language = await ask("GET", "/language", undefined, "/_mock");
  const again = async () => { await running; await refresh(); };
  setUpClock(again);
  setUpJournal((call) => { chosen = call; act(() => showCall(call, baseUrl)); }, language.on);
  setUpScenarios(language, again);
  setUpSide(again);
  $("world").addEventListener("change", () => visit($("world").value));
  $("new-world").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("world-name").value.trim();
    if (name) act(async () => { await ask("PUT", `/worlds/${encodeURIComponent(name)}`, undefined, "/_mock"); $("world-name").value = ""; await visit(name); });
  });
  $("reset").addEventListener("click", () => act(async () => { await ask("POST", "/reset"); forgetCalls(); baseUrl = ""; await again(); }));
  await refresh();
  document.body.dataset.ready = "yes";
  setInterval(() => { if (!document.hidden) refresh(); }, PACE_MS);
}

act(begin);
