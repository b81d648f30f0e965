// One call: its pictures side by side, what it asked for, what it was answered.

import { ask } from "./api.js";
import { $, date, h, status } from "./elements.js";
import { chooseCall, knownCalls } from "./journal.js";

const NAMES = { image: "Picture", mask: "Mask", "keep-map": "Keep map: white is kept" };
let shown = null;
let wanted = 0;

/** Show a call, or how to begin where there is none; shown again, only what has changed is drawn anew. */
export async function showCall(summary, baseUrl) {
  const turn = ++wanted;
  if (summary === null) {
    shown = null;
    $("call").replaceChildren(welcome(baseUrl));
    return;
  }
  const call = await ask("GET", `/journal/${summary.number}`);
  if (turn !== wanted) return;
  const related = summary.inference_id ? knownCalls().filter((one) => one.inference_id === summary.inference_id) : [];
  const key = JSON.stringify([call, related.map((one) => one.number)]);
  if (key === shown) return;
  const opened = [...$("call").querySelectorAll("details[open]")].map((one) => one.dataset.name);
  shown = key;
  $("call").replaceChildren(...parts(call, related));
  $("call").querySelectorAll("details").forEach((one) => { one.open = opened.includes(one.dataset.name); });
}

function parts(call, related) {
  return [
    h("h2", {}, `#${call.number} ${call.method} ${call.path}`, status(call.status)),
    call.effects.length ? h("p", {}, ...call.effects.flatMap((effect) => [h("span", { className: "chip" }, effect), " "])) : null,
    call.pictures.length ? h("div", { className: "pictures" }, ...call.pictures.map(picture)) : null,
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

function picture(one) {
  const name = NAMES[one.what] ?? `Result ${Number(one.what.split("/")[1]) + 1}`;
  const image = h("img", {
    src: `${one.url}?side=512`, alt: name, loading: "lazy", className: one.what === "keep-map" ? "keep" : "",
    onerror: (event) => event.target.parentNode.replaceWith(h("div", { className: "gone" }, "cannot be shown: no longer kept, or no picture")),
  });
  const size = one.size ? `, ${one.size.toLocaleString("en")} bytes` : "";
  return h("figure", {}, h("a", { href: one.url, target: "_blank", rel: "noopener" }, image), h("figcaption", {}, name + size));
}

function facts(call) {
  return [
    ["came", `${date(call.at)} UTC`],
    ["took", call.answered_at === null ? "still waits" : `${+(call.answered_at - call.at + call.latency).toFixed(3)} s of virtual time`],
    ["job", call.inference_id],
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
  return h("details", { "data-name": title }, h("summary", {}, `${title} (${list.length})`), h("dl", {}, ...rows));
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
