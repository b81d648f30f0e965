// The client of orval, which has a function for each content type of a request (splitByContentType).
import {
  balance,
  genaiImageOutpaintingWithFormData,
  genaiImageOutpaintingWithJson,
  genaiImageOutpaintingWithUrlEncoded,
  genaiPaintingResult,
} from "../generated/orval.js";
import { baseUrl, key, picture, told } from "./asked.js";

// The generated functions ask for paths; which host is meant is their user's business.
const fetchAnywhere = globalThis.fetch;
globalThis.fetch = (path, options) => fetchAnywhere(new URL(String(path), baseUrl), options);
const options = { headers: { "X-Picsart-API-Key": key } };

const taken = await genaiImageOutpaintingWithFormData(
  { image: picture, prompt: "a wide beach", count: 1, format: "PNG", mode: "async" },
  undefined,
  options,
);
if (taken.status !== 202) throw new Error(`the form is answered ${taken.status}`);
await genaiPaintingResult(taken.data.inference_id, options);
const done = await genaiPaintingResult(taken.data.inference_id, options);
if (done.status !== 200) throw new Error(`the poll is answered ${done.status}`);
const elsewhere = { image_url: "https://example.com/a.png", prompt: "a wide beach", count: 1 };
const second = await genaiImageOutpaintingWithJson(elsewhere, undefined, options);
await genaiImageOutpaintingWithUrlEncoded(elsewhere, undefined, options);
const refused = await genaiImageOutpaintingWithJson({ ...elsewhere, count: 11 }, undefined, options);
if (refused.status !== 422 || !("error_code" in refused.data)) throw new Error(`11 are answered ${refused.status}`);
const left = await balance(options);
if (left.status !== 200) throw new Error(`the balance is answered ${left.status}`);

told({
  pictures: done.data.status === "success" ? done.data.data.length : 0,
  second: second.status,
  error_code: refused.data.error_code,
  credits: left.data.credits,
});
