// The page's own address: the world, the chosen call and the search. It survives a reload, and can be handed on.

const CRITERIA = ["text", "status", "route", "key", "where"];

const read = () => new URLSearchParams(location.search);

export const world = () => read().get("world") || "default";

/** The number of the call that the address names, or null. */
export function namedCall() {
  const number = Number(read().get("call"));
  return Number.isInteger(number) && number > 0 ? number : null;
}

export const namedSearch = () => Object.fromEntries(CRITERIA.map((name) => [name, read().get(name) ?? ""]));

/** The address with other values; what is empty or null is left out. */
export function changed(values) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === "" || (name === "world" && value === "default")) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  url.hash = "";
  return url.href;
}

/** The address of one call, without any search. */
export const linkTo = (number, name = world()) =>
  changed({ ...Object.fromEntries(CRITERIA.map((one) => [one, null])), world: name, call: number });

/** Have the address name something else. */
export function name(values) {
  const href = changed(values);
  if (href !== location.href) history.replaceState(null, "", href);
}
