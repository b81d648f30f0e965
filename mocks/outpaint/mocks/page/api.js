// The admin API of the world that is looked at.

import { $ } from "./elements.js";

let world = new URLSearchParams(location.search).get("world") || "default";

export const current = () => world;
export const base = (name = world) => (name === "default" ? "/_mock" : `/t/${encodeURIComponent(name)}/_mock`);

export function enter(name) {
  world = name;
  const url = new URL(location.href);
  if (name === "default") url.searchParams.delete("world");
  else url.searchParams.set("world", name);
  url.hash = "";
  history.replaceState(null, "", url);
}

/** Ask, and hand back the JSON; what is refused is thrown with its detail. */
export async function ask(method, path, body, root = base()) {
  let answer;
  try {
    answer = await fetch(root + path, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
    });
  } catch {
    throw new Error("The mock does not answer: has it been stopped?");
  }
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.detail), { code: content.error_code });
  return content;
}

/** Do something a person asked for, and tell them if it fails. */
export async function act(work) {
  try {
    say("");
    return await work();
  } catch (error) {
    say(error.message);
    return undefined;
  }
}

export function say(text) {
  if ($("message").textContent !== text) $("message").textContent = text;
}
