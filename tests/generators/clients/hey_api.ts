// The client of @hey-api/openapi-ts. It types the JSON body alone; a form goes by the serializer that comes with it.
import { formDataBodySerializer } from "../generated/hey-api/client/index.js";
import { client } from "../generated/hey-api/client.gen.js";
import { balance, genaiImageOutpainting, genaiPaintingResult } from "../generated/hey-api/sdk.gen.js";
import { baseUrl, key, picture, told } from "./asked.js";

client.setConfig({ baseUrl, auth: key });

const taken = await genaiImageOutpainting({
  ...formDataBodySerializer,
  body: { image: picture, prompt: "a wide beach", count: 1, format: "PNG", mode: "async" },
  headers: { "Content-Type": null },
});
const path = { inference_id: taken.data!.inference_id };
await genaiPaintingResult({ path });
const done = await genaiPaintingResult({ path });
const json = { image_url: "https://example.com/a.png", prompt: "a wide beach", count: 1 };
const second = await genaiImageOutpainting({ body: json });
const refused = await genaiImageOutpainting({ body: { ...json, count: 11 } });
const left = await balance();

const result = done.data!;
told({
  pictures: result.status === "success" ? result.data.length : 0,
  second: second.response!.status,
  error_code: refused.error!.error_code,
  credits: left.data!.credits,
});
