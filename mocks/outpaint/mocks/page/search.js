// What the list of calls is searched for: text, status, kind and key, in this world or in all of them.

import { name, namedSearch } from "./address.js";
import { $, fill, h } from "./elements.js";

const FIELDS = ["text", "status", "route", "key", "where"];
const PAUSE_MS = 250;
const WORDS = { text: "the text", status: "the status", route: "the kind", key: "the key" };
const keys = new Map();
let timer = 0;

export function setUpSearch(onSearch, routes) {
  $("route").append(...routes.filter((one) => one !== "any").map((one) => h("option", { value: one }, one)));
  readAddress();
  const search = () => {
    clearTimeout(timer);
    if (!$("search").checkValidity()) return;
    name(values());
    onSearch();
    showReset();
  };
  $("search").addEventListener("submit", (event) => { event.preventDefault(); search(); });
  $("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, PAUSE_MS); });
  $("search").addEventListener("reset", () => { clearTimeout(timer); timer = setTimeout(search); });
}

/** Show in the form what the address says. */
export function readAddress() {
  const said = namedSearch();
  if (said.key && !keys.has(said.key)) seeKeys([{ key_id: said.key }]);
  for (const field of FIELDS) $(field).value = said[field];
  showReset();
}

const values = () => Object.fromEntries(FIELDS.map((field) => [field, $(field).value.trim()]));

/** The criteria that are set, as the admin API takes them. */
export function criteria() {
  const { where, ...wanted } = values();
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
}

export const isSearch = () => Object.values(values()).some(Boolean);
export const inAllWorlds = () => $("where").value === "all";

function showReset() {
  $("show-all").hidden = !isSearch();
}

/** Offer the keys of these calls. */
export function seeKeys(calls) {
  for (const { key_id: key } of calls) if (key) keys.set(key, key);
  const chosen = $("key").value;
  fill($("key"), [...keys.keys()].sort(), (all) => [h("option", { value: "" }, "any"), ...all.map((one) => h("option", { value: one }, one))]);
  $("key").value = chosen;
}

/** Why nothing is listed, and what comes nearest. */
export function showNothing(hidden, nearest, choose) {
  $("no-calls").hidden = hidden;
  if (hidden) return;
  fill($("no-calls"), [isSearch(), nearest], () => {
    if (!isSearch()) return "No call has come yet.";
    if (!nearest) return "No call fits.";
    const { call, unmet } = nearest;
    const pick = h("button", { type: "button", onclick: () => choose(call.number) }, `#${call.number} ${call.route ?? call.method} ${call.status ?? "–"}`);
    return ["No call fits. The nearest is ", pick, `, all but ${unmet.map((one) => WORDS[one] ?? one).join(" and ")}.`];
  });
}
