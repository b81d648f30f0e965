// A call's pictures side by side: what it brought, what of it is kept, and what was painted.

import { ask } from "./api.js";
import { h } from "./elements.js";

const NAMES = { image: "Picture", mask: "Mask", "keep-map": "Keep map: white is kept" };

/** The pictures to show of a call; beside a poll's results stand those that its job was made of. */
export async function picturesOf(call, related) {
  const brought = call.pictures.some((one) => one.what === "image");
  const made = brought ? undefined : related.find((one) => one.route === "submit" && one.has_image);
  if (made === undefined || !call.pictures.length) return call.pictures;
  try {
    const { pictures } = await ask("GET", `/journal/${made.number}`);
    return [...pictures.filter((one) => one.what in NAMES), ...call.pictures];
  } catch {
    return call.pictures; // that call is no longer kept
  }
}

/** Pictures side by side; what is painted can be darkened, by the keep map laid over them. */
export function gallery(pictures) {
  const map = pictures.find((one) => one.what === "keep-map");
  const figures = h("div", { className: "pictures" }, ...pictures.map((one) => picture(one, map)));
  if (!map || pictures.length < 2) return figures;
  const over = h("input", { type: "checkbox", "data-name": "cover", onchange: () => figures.classList.toggle("covered", over.checked) });
  return h("div", {}, figures, h("label", {}, over, " Darken what is painted"));
}

function picture(one, map) {
  const name = NAMES[one.what] ?? `Result ${Number(one.what.split("/")[1]) + 1}`;
  const image = h("img", {
    src: `${one.url}?side=512`, alt: name, loading: "lazy", className: one.what === "keep-map" ? "keep" : "",
    onerror: (event) => event.target.closest("a").replaceWith(h("div", { className: "gone" }, "cannot be shown: no longer kept, or no picture")),
  });
  const cover = map && (one.what === "image" || one.what.startsWith("results/"))
    ? h("img", { src: `${map.url}?side=512`, alt: "", loading: "lazy", className: "cover", onerror: (event) => event.target.remove() })
    : null;
  const size = one.size ? `, ${one.size.toLocaleString("en")} bytes` : "";
  return h("figure", {}, h("a", { href: one.url, target: "_blank", rel: "noopener" }, image, cover), h("figcaption", {}, name + size));
}
