// The world's clock: it goes on between two looks at it, as fast as it is set.

import { act, ask } from "./api.js";
import { $, date, h } from "./elements.js";

const STEPS = [["+1 s", 1], ["+10 s", 10], ["+1 min", 60], ["+1 h", 3600], ["+25 h", 90000]];
let known = null;
let seen = 0;
let shownTime, state, freeze, tick, scale;

export function setUpClock(refresh) {
  const move = (path, body) => act(async () => { showClock(await ask("POST", `/clock/${path}`, body)); refresh(); });
  shownTime = h("time", { title: "The world's time, UTC" });
  state = h("span", { className: "state" });
  freeze = h("button", { type: "button", onclick: () => move("freeze") }, "Freeze");
  tick = h("button", { type: "button", onclick: () => move("tick", { scale: Number(scale.value) || 1 }) }, "Tick");
  scale = h("input", { type: "number", min: "0.001", max: "1000000", step: "any", value: "1", "aria-label": "Virtual seconds in a real one" });
  const steps = STEPS.map(([name, seconds]) =>
    h("button", { type: "button", "aria-label": `Advance the clock by ${name.slice(1)}`, onclick: () => move("advance", { seconds }) }, name));
  $("clock").append(shownTime, state, ...steps, freeze, tick, h("label", {}, "× ", scale));
  setInterval(draw, 100);
}

export function showClock(clock) {
  known = clock;
  seen = performance.now();
  state.textContent = clock.frozen ? "frozen" : clock.scale === 1 ? "ticking" : `ticking × ${clock.scale}`;
  freeze.setAttribute("aria-pressed", String(clock.frozen));
  tick.setAttribute("aria-pressed", String(!clock.frozen));
  draw();
}

function draw() {
  if (known === null) return;
  const now = date(known.now + (known.scale * (performance.now() - seen)) / 1000);
  if (shownTime.textContent !== now) shownTime.textContent = now;
}
