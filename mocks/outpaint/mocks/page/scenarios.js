// Scenarios: what is set, a line to write one, and a switch for every effect that the registry has.

import { act, ask, say } from "./api.js";
import { $, fill, h } from "./elements.js";

const GROUPS = [
  ["How jobs go", ["progress", "outcome", "completion", "urls"]],
  ["What calls are answered", ["answer", "media_type", "latency", "profile", "word"]],
  ["What goes wrong on the wire", ["wire"]],
  ["What accounts may", ["limit", "credits"]],
];
const switches = new Map();
let refresh = () => {};

export function setUpScenarios(language, onChange) {
  refresh = onChange;
  $("presets").append(...language.presets.map((one) => h("option", { value: one.scenario }, one.name)));
  $("scenario").addEventListener("input", understand);
  $("write").addEventListener("submit", (event) => {
    event.preventDefault();
    const scope = event.submitter?.value ?? "always";
    act(async () => { await put(scope, $("scenario").value); $("scenario").value = ""; understand(); });
  });
  $("clear-scenarios").addEventListener("click", () => act(async () => { await ask("DELETE", "/scenarios"); refresh(); }));
  for (const [title, slots] of GROUPS) {
    const effects = language.effects.filter((effect) => slots.includes(effect.decides[0]));
    $("switches").append(h("h3", {}, title), ...effects.map(row));
  }
}

export function showScenarios(state) {
  fill($("set"), [state.always, state.next], ([always, next]) => [
    ...always.map((one) => set(one, "always")),
    ...next.map((one) => set(one, one.left === 1 ? "next call" : `next ${one.left} calls`)),
  ]);
  for (const [name, { toggle }] of switches) toggle.checked = standing(state.always, name).length > 0;
  current = state;
}

let current = { always: [], next: [] };

/** The scenarios of the whole world that consist of one effect of this name. */
const standing = (always, name) =>
  always.filter(({ scenario }) => !scenario.includes(";") && scenario.match(/^\w+/)[0] === name);

function set(one, scope) {
  const remove = () => act(async () => { await ask("DELETE", `/scenarios/${one.number}`); refresh(); });
  return h("li", {},
    h("span", {}, h("code", {}, one.scenario), h("br"), h("small", { className: "quiet" }, `${scope}, on ${one.on.join(", ")}`)),
    h("button", { type: "button", "aria-label": `Remove ${one.scenario}`, onclick: remove }, "×"));
}

function row(effect) {
  const inputs = new Map(effect.parameters.map((parameter) => [parameter.name, input(parameter)]));
  const text = () => written(effect, inputs);
  const toggle = h("input", { type: "checkbox", role: "switch", "aria-label": `${effect.name} for the whole world` });
  const details = h("details", {},
    h("summary", { title: effect.signature }, effect.name),
    h("p", {}, effect.summary),
    inputs.size ? h("div", { className: "fields" }, ...effect.parameters.map((parameter) => field(parameter, inputs.get(parameter.name)))) : "",
    h("div", { className: "row" }, h("button", { type: "button", onclick: () => act(() => put("next", text())) }, "Next call only")));
  toggle.addEventListener("change", async () => {
    if (toggle.checked) {
      const done = await act(() => put("always", text()));
      if (done === undefined) {
        toggle.checked = false;
        details.open = true;
        [...inputs.values()].find((one) => one.required && !one.value)?.focus();
      }
    } else {
      await act(async () => {
        for (const one of standing(current.always, effect.name)) await ask("DELETE", `/scenarios/${one.number}`);
        refresh();
      });
    }
  });
  switches.set(effect.name, { toggle });
  return h("div", { className: "effect" }, toggle, details);
}

function field(parameter, control) {
  const wide = parameter.kind === "steps" || parameter.name === "detail" || parameter.name === "value";
  return h("label", { className: wide ? "wide" : "", title: parameter.description }, parameter.name + (parameter.required ? "" : " (optional)"), control);
}

function input(parameter) {
  const { kind, required } = parameter;
  const preset = parameter.default === null ? "" : String(parameter.default);
  if (kind === "choice") {
    const options = parameter.choices.map((choice) => h("option", { value: choice }, choice));
    const select = h("select", { required }, ...(preset ? [] : [h("option", { value: "" }, "as usual")]), ...options);
    select.value = preset;
    return select;
  }
  const bounds = { min: parameter.minimum ?? undefined, max: parameter.maximum ?? undefined };
  if (kind === "integer") return h("input", { type: "number", step: "1", required, value: preset, ...bounds });
  if (kind === "number") return h("input", { type: "number", step: "any", required, value: preset, ...bounds });
  const hint = kind === "steps" ? "processing*2, error(internal), success" : "";
  return h("input", { required, value: preset, placeholder: hint, spellcheck: false, autocomplete: "off" });
}

/** The effect as the language writes it, with what the inputs say. */
function written(effect, inputs) {
  const said = [];
  for (const parameter of effect.parameters) {
    const value = inputs.get(parameter.name).value.trim();
    if (value === "" || value === String(parameter.default)) continue;
    if (parameter.kind === "steps") return `${effect.name}(${value})`;
    const quoted = parameter.kind === "text" ? `"${value.replace(/["\\]/g, "\\$&")}"` : value;
    said.push(`${parameter.name}=${quoted}`);
  }
  return said.length ? `${effect.name}(${said.join(", ")})` : effect.name;
}

async function put(scope, scenario) {
  const body = scope === "next" ? { scenario, times: Number($("times").value) || 1 } : { scenario };
  showScenarios(await ask("POST", `/scenarios/${scope}`, body));
  say("");
  refresh();
  return true;
}

let asked = 0;

async function understand() {
  const turn = ++asked;
  const scenario = $("scenario").value;
  let told = "";
  if (scenario.trim()) {
    try {
      const understood = await ask("POST", "/scenarios/check", { scenario });
      told = `${understood.scenario}: on ${understood.on.join(", ")}`;
    } catch (error) {
      told = error.message;
    }
  }
  if (turn === asked) $("understood").textContent = told;
}
