// A client of openapi-fetch over the types of openapi-typescript.
import createClient from "openapi-fetch";

import type { components, paths } from "../generated/openapi-typescript.js";
import { baseUrl, key, picture, told } from "./asked.js";

type Schemas = components["schemas"];

const api = createClient<paths>({ baseUrl, headers: { "X-Picsart-API-Key": key } });

const form: Schemas["OutpaintMultipart"] = {
  image: picture as unknown as string,
  prompt: "a wide beach",
  count: 1,
  format: "PNG",
  mode: "async",
};
const taken = await api.POST("/v1/painting/outpaint", {
  body: form,
  bodySerializer(body) {
    const data = new FormData();
    for (const [name, value] of Object.entries(body)) {
      data.append(name, value instanceof Blob ? value : String(value));
    }
    return data;
  },
});
const job: Schemas["Accepted"] | Schemas["Result"] | undefined = taken.data;
const path = { inference_id: job!.inference_id };
await api.GET("/v1/painting/{inference_id}", { params: { path } });
const done = await api.GET("/v1/painting/{inference_id}", { params: { path } });
const json: Schemas["OutpaintJson"] = { image_url: "https://example.com/a.png", prompt: "a wide beach", count: 1 };
const second = await api.POST("/v1/painting/outpaint", { body: json });
const refused = await api.POST("/v1/painting/outpaint", { body: { ...json, count: 11 } });
const left = await api.GET("/v1/balance");

const result = done.data!;
told({
  pictures: result.status === "success" ? result.data.length : 0,
  second: second.response.status,
  error_code: refused.error!.error_code,
  credits: left.data!.credits,
});
