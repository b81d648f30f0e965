// One call: its pictures side by side, what it asked for, what it was answered.

import { linkTo } from "./address.js";
import { ask } from "./api.js";
import { showTools } from "./call_tools.js";
import { $, date, h, status } from "./elements.js";
import { chooseCall, knownCalls } from "./journal.js";
import { gallery, picturesOf } from "./pictures.js";

let shown = null;
let wanted = 0;

/** Show a call, or how to begin where there is none; shown again, only what has changed is drawn anew. */
export async function showCall(number, baseUrl) {
  const turn = ++wanted;
  if (number === null) return instead(welcome(baseUrl));
  let call;
  try {
    call = await ask("GET", `/journal/${number}`);
  } catch (error) {
    if (turn !== wanted) return undefined;
    return instead(h("div", { className: "welcome" }, h("h2", {}, `Call ${number} cannot be shown`), h("p", {}, error.message)));
  }
  const related = call.inference_id ? knownCalls().filter((one) => one.inference_id === call.inference_id) : [];
  const pictures = await picturesOf(call, related);
  if (turn !== wanted) return undefined;
  const key = JSON.stringify([call, pictures, related.map((one) => [one.number, one.status])]);
  showTools(call);
  if (key === shown) return undefined;
  shown = key;
  const opened = [...$("call").querySelectorAll("details[open]")].map((one) => one.dataset.name);
  const held = document.activeElement?.dataset.name;
  $("call-title").replaceChildren(...title(call));
  $("call").replaceChildren(...parts(call, pictures, related));
  $("call").querySelectorAll("details").forEach((one) => { one.open = opened.includes(one.dataset.name); });
  if (held) $("chosen").querySelector(`[data-name="${CSS.escape(held)}"]`)?.focus();
  return undefined;
}

/** Show something instead of a call. */
function instead(element) {
  shown = null;
  $("call-title").replaceChildren();
  $("call").replaceChildren(element);
  showTools(null);
}

function title(call) {
  return [
    h("h2", {},
      h("a", { href: linkTo(call.number), title: "Link to this call", "data-name": "link" }, `#${call.number}`),
      ` ${call.method} ${call.path}`, status(call.status)),
    call.effects.length ? h("p", {}, ...call.effects.flatMap((effect) => [h("span", { className: "chip" }, effect), " "])) : null,
  ].filter(Boolean);
}

function parts(call, pictures, related) {
  return [
    pictures.length ? gallery(pictures) : null,
    h("dl", {}, ...facts(call).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    related.length > 1 ? h("h3", {}, "Calls of this job") : null,
    related.length > 1 ? h("div", { className: "same" }, ...related.map((one) => link(one, call))) : null,
    call.request ? h("h3", {}, "Asked for") : null,
    call.request ? h("dl", {}, ...Object.entries(call.request).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])) : null,
    call.response ? h("h3", {}, "Answered") : null,
    call.response ? h("pre", { tabIndex: 0 }, pretty(call.response)) : null,
    headers("Request headers", call.request_headers),
    headers("Answer's headers", call.response_headers),
  ].filter(Boolean);
}

function facts(call) {
  return [
    ["came", `${date(call.at)} UTC`],
    ["took", call.answered_at === null ? "still waits" : `${+(call.answered_at - call.at + call.latency).toFixed(3)} s of virtual time`],
    ["sent again", call.replay_of && `by the mock: call ${call.replay_of} once more`],
    ["job", call.inference_id],
    ["key", call.key_id],
    ["account", call.account_id],
    ["idempotency key", call.idempotency_key],
    ["error", call.error_code],
    ["connection", call.fault && `broken: ${call.fault}`],
    ["sent", call.body_size ? `${call.body_size.toLocaleString("en")} bytes` : null],
    ["got", call.response_size ? `${call.response_size.toLocaleString("en")} bytes` : null],
  ].filter(([, value]) => value !== null && value !== undefined);
}

function link(one, call) {
  const here = one.number === call.number;
  return h("button", { type: "button", "aria-current": here && "true", disabled: here, onclick: () => chooseCall(one.number) },
    `#${one.number} ${one.route ?? one.method} ${one.status ?? "–"}`);
}

function headers(title, list) {
  if (!list.length) return null;
  const rows = list.flatMap(({ name, value }) => [h("dt", {}, name), h("dd", {}, value)]);
  return h("details", { "data-name": title }, h("summary", { "data-name": `summary ${title}` }, `${title} (${list.length})`), h("dl", {}, ...rows));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function welcome(baseUrl) {
  const curl = `curl ${baseUrl}/balance -H 'X-Picsart-API-Key: any'`;
  return h("div", { className: "welcome" },
    h("h2", {}, "Send it a call"),
    h("p", {}, "Configure a client with this world's base URL and any key: each call shows up here with its pictures."),
    h("pre", { tabIndex: 0 }, curl),
    h("p", { className: "quiet" }, "Scenarios decide how calls and jobs go; the clock moves them on."));
}
