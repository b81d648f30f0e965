// What can be done with the chosen call: linked to, copied, sent again, compared.

import { linkTo } from "./address.js";
import { act, ask, askText, say } from "./api.js";
import { $, fill, h } from "./elements.js";
import { chooseCall, knownCalls } from "./journal.js";
import { gallery, picturesOf } from "./pictures.js";

const MOST_OTHERS = 100;
const FORMS = ["curl", "test"];
let call = null;
let refresh = () => {};

export function setUpTools(onChange) {
  refresh = onChange;
  $("copy-link").addEventListener("click", () => act(() => copy("link", linkTo(call.number))));
  for (const form of FORMS) {
    $(`copy-${form}`).addEventListener("click", () => act(async () => copy(form, await askText(`/journal/${call.number}/${form}${keys()}`))));
  }
  $("send-again").addEventListener("click", () => act(sendAgain));
  $("compare").addEventListener("toggle", () => { if ($("compare").open) act(compare); });
  $("other").addEventListener("change", () => act(compare));
  $("keys-shown").addEventListener("change", () => { hideCopy(); if ($("compare").open) act(compare); });
}

/** Show the tools for a call, or none where there is none. */
export function showTools(one) {
  const same = one !== null && call?.number === one.number;
  call = one;
  $("tools").hidden = one === null;
  if (!same) { hideCopy(); $("other").value = ""; $("compare").open = false; }
  if (one === null) return;
  const others = knownCalls().filter((other) => other.route === one.route && other.number !== one.number).slice(-MOST_OTHERS).reverse();
  const chosen = $("other").value;
  fill($("other"), others, (list) => [h("option", { value: "" }, "the nearest call answered otherwise"),
    ...list.map((other) => h("option", { value: other.number }, `#${other.number} ${other.route ?? other.method} ${other.status ?? "–"}`))]);
  $("other").value = chosen;
}

const keys = () => ($("keys-shown").checked ? "?keys=shown" : "");

function hideCopy() {
  $("copied").hidden = true;
}

/** Copy a text, and show it: without a secure context a page may not write to the clipboard. */
async function copy(form, text) {
  $("copied").hidden = form === "link" && Boolean(navigator.clipboard);
  $("copied-text").textContent = text;
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied the ${{ link: "link", curl: "curl command", test: "test" }[form]} of call ${call.number}.`, true);
  } catch {
    $("copied").hidden = false;
    getSelection().selectAllChildren($("copied-text"));
    say("The text is selected below: this page may not copy it by itself.", true);
  }
}

async function sendAgain() {
  const first = call.number;
  const made = await ask("POST", `/journal/${first}/replay`);
  await refresh();
  chooseCall(made.number);
  say(`Call ${first} was sent again: it is call ${made.number}.`, true);
}

async function compare() {
  const here = call;
  const query = new URLSearchParams({ ...($("other").value && { other: $("other").value }), ...(keys() && { keys: "shown" }) });
  const found = await ask("GET", `/journal/${here.number}/difference?${query}`);
  const other = found.other && (await ask("GET", `/journal/${found.other.number}`));
  const pictures = other === null ? [] : await Promise.all([here, other].map(async (one) => [one, await picturesOf(one, jobOf(one))]));
  if (call?.number !== here.number) return;
  fill($("difference"), [found, pictures], () => difference(found, pictures));
}

const jobOf = (one) => (one.inference_id ? knownCalls().filter((other) => other.inference_id === one.inference_id) : []);

function difference(found, pictures) {
  if (found.other === null) return h("p", { className: "quiet" }, "There is no other call of its kind.");
  const pick = h("button", { type: "button", onclick: () => chooseCall(found.other.number) }, `#${found.other.number}`);
  const count = found.values.length;
  return [
    h("p", {}, count ? `${count} ${count === 1 ? "value differs" : "values differ"} from those of ` : "Nothing differs from ", pick,
      `; ${found.same} are the same.`),
    count ? h("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": "Values that differ" }, table(found)) : null,
    ...pictures.filter(([, list]) => list.length).map(([one, list]) => h("div", {}, h("h3", {}, `Pictures of #${one.number}`), gallery(list))),
  ].filter(Boolean);
}

function table({ call: number, other, values }) {
  const value = (text) => (text === null ? h("i", {}, "none") : text);
  const groups = Map.groupBy(values, ({ part }) => part);
  return h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Value"), h("th", { scope: "col" }, `#${number}`), h("th", { scope: "col" }, `#${other.number}`))),
    ...[...groups].map(([part, list]) => h("tbody", {},
      h("tr", {}, h("th", { scope: "rowgroup", colSpan: 3, className: "part" }, part)),
      ...list.map(({ name, here, there }) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value(here)), h("td", {}, value(there)))))));
}
