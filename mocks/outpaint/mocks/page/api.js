// The admin API of the world that is looked at.

import { world } from "./address.js";
import { $ } from "./elements.js";

export const base = (name = world()) => (name === "default" ? "/_mock" : `/t/${encodeURIComponent(name)}/_mock`);

async function send(path, how) {
  let answer;
  try {
    answer = await fetch(path, how);
  } catch {
    throw new Error("The mock does not answer: has it been stopped?");
  }
  if (answer.status >= 400) {
    const content = await answer.json();
    throw Object.assign(new Error(content.detail), { code: content.error_code });
  }
  return answer;
}

/**
 * Ask, and hand back the JSON; what is refused is thrown with its detail.
 *
 * After a change the next look is answered whatever it finds: the page may show the change by itself, and if another one
 * undid it, a look would find what the last look found.
 */
export async function ask(method, path, body, root = base()) {
  const answer = await send(root + path, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
  });
  if (method !== "GET") lookAnew();
  return answer.json();
}

/** A text that the admin API makes. */
export const askText = async (path) => (await send(base() + path, {})).text();

let tag = null;

/** Have the next look answered whatever it finds. */
export function lookAnew() {
  tag = null;
}

/** All that the page shows, or null where nothing has changed since the last look. */
export async function watch(query) {
  const answer = await send(`/_mock/watch?${new URLSearchParams(query)}`, { headers: tag === null ? {} : { "If-None-Match": tag } });
  if (answer.status === 304) return null;
  tag = answer.headers.get("ETag");
  return answer.json();
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

/** Tell the person something: what went wrong, or what was `done`. */
export function say(text, done = false) {
  $("message").classList.toggle("done", done);
  if ($("message").textContent !== text) $("message").textContent = text;
}
