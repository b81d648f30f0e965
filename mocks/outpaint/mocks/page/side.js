// Running jobs, registered sources, and what the calls say about their client.

import { act, ask, base } from "./api.js";
import { $, fill, h } from "./elements.js";

let refresh = () => {};

export function setUpSide(onChange) {
  refresh = onChange;
  $("release-all").addEventListener("click", () => act(async () => { await ask("POST", "/jobs/release"); refresh(); }));
  $("source-what").addEventListener("change", () => { $("source-file").hidden = $("source-what").value !== "file"; });
  $("source").addEventListener("submit", (event) => { event.preventDefault(); act(setSource); });
}

export function showJobs({ jobs }) {
  $("release-all").hidden = jobs.length < 2;
  fill($("jobs"), jobs, (list) => list.length ? list.map(job) : h("li", { className: "quiet" }, "None."));
}

function job(one) {
  const release = () => act(async () => { await ask("POST", `/jobs/${one.inference_id}/release`); refresh(); });
  const seen = one.polls ? `, ${one.polls} ${one.polls === 1 ? "poll" : "polls"} so far` : "";
  return h("li", {},
    h("span", {}, `${one.prompt} `, h("small", { className: "quiet" }, h("br"), `${one.progress}${seen}, then ${one.outcome}`)),
    h("button", { type: "button", "aria-label": `Release the job ${one.prompt}`, onclick: release }, "Release"));
}

export function showSources({ sources }) {
  fill($("sources"), sources, (list) => list.map((one) => {
    const what = one.broken ? "broken" : one.status !== 200 ? one.status : one.size === null ? "its picture" : `${one.size} bytes`;
    const forget = () => act(async () => { await ask("DELETE", `/sources?url=${encodeURIComponent(one.url)}`); refresh(); });
    return h("li", {},
      h("span", {}, one.url, h("small", { className: "quiet" }, h("br"), `${what}${one.seconds ? `, after ${one.seconds} s` : ""}; fetched ${one.fetched} times`)),
      h("button", { type: "button", "aria-label": `Forget ${one.url}`, onclick: forget }, "×"));
  }));
}

async function setSource() {
  const body = { url: $("source-url").value };
  const what = $("source-what").value;
  if (what === "404") body.status = 404;
  else if (what === "slow") body.seconds = 30;
  else if (what === "broken") body.broken = true;
  else {
    const file = $("source-file").files[0];
    if (!file) throw new Error("Choose a file first.");
    body.data = await base64(file);
  }
  showSources(await ask("POST", "/sources", body));
  $("source").reset();
  $("source-file").hidden = true;
}

const base64 = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.split(",")[1] ?? "");
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(file);
});

export function showReport(report) {
  const wrong = report.checks.filter((check) => check.outcome === "failed");
  fill($("report"), [report.verdict, wrong], () => {
    const words = { passed: ["passed", "Keeps the rules so far"], failed: ["failed", "Breaks rules"], nothing_judged: ["", "Nothing to judge yet"], cannot_tell: ["", "Cannot tell: earlier calls are no longer kept"] };
    const [style, text] = words[report.verdict];
    return [
      wrong.length
        ? h("details", {}, h("summary", { className: style }, `${text}: ${wrong.length} to look at`), h("ul", {}, ...wrong.map(rule)))
        : h("p", { className: `verdict ${style}` }, text),
      h("p", {}, h("a", { href: `${base()}/report.html`, target: "_blank" }, "Whole report"), " · ",
        h("a", { href: `${base()}/report.xml`, target: "_blank" }, "JUnit"), " · ",
        h("a", { href: "/_mock/openapi.json", target: "_blank" }, "Admin API")),
    ];
  });
}

function rule(check) {
  return h("li", {},
    h("b", { className: check.severity === "error" ? "failed" : "warned" }, check.severity), ` ${check.rule} `,
    h("span", { className: "quiet" }, check.findings[0]?.text ?? ""));
}
