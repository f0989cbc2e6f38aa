// Shows what /openapi.json and /v1/openapi.json describe: each path with its request, its response and a command to try.

import { element } from "./drawing.js";

const APIS = [
  { url: "/openapi.json", title: "Demo API", error: "#/components/schemas/ErrorResponse" },
  { url: "/v1/openapi.json", title: "OpenAI API", error: "#/components/schemas/ApiErrorResponse" },
];

const named = (api, schema) => (schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema);

// A schema in readable form: names, types, limits and descriptions.
function typed(api, schema) {
  const { type, anyOf, items, prefixItems, maxLength, minimum, maximum, maxItems, additionalProperties, ...more } = named(api, schema);
  if (anyOf) return anyOf.map((one) => typed(api, one)).join(" | ");
  if (more.enum) return more.enum.map((one) => JSON.stringify(one)).join(" | ");
  if ("const" in more) return JSON.stringify(more.const);
  const kind = prefixItems ? `[${prefixItems.map((one) => typed(api, one)).join(", ")}]`
    : items ? `[${typed(api, items)}, …]`
    : schema.$ref ? `${schema.$ref.split("/").pop()} (${Object.keys(named(api, schema).properties ?? {}).join(", ")})`
    : additionalProperties ? `{name: ${typed(api, additionalProperties)}}`
    : schema.contentMediaType || schema.format === "binary" ? "file" : type;
  const limits = [maxLength && `at most ${maxLength} characters`, maxItems && `at most ${maxItems}`, maximum && `${minimum} to ${maximum}`];
  return [kind, ...limits.filter(Boolean).map((limit) => `(${limit})`)].join(" ");
}

function fields(api, schema) {
  const { properties = {}, required = [] } = named(api, schema) ?? {};
  return Object.entries(properties).map(([name, value]) => {
    const rest = [required.includes(name) ? "" : `default ${JSON.stringify(value.default ?? null)}`, value.description ?? ""];
    return `${name}: ${typed(api, value)}${rest.filter(Boolean).map((part) => `; ${part}`).join("")}`;
  }).join("\n");
}

const EXAMPLES = {
  "/api/search": { query: "날씨가 궁금해요", top: 3 },
  "/api/similarity": { first: "비가 온다.", second: "우산이 필요하다." },
  "/api/cluster": { sentences: ["비가 온다.", "눈이 온다.", "밥을 먹는다.", "국을 끓인다."], groups: 2 },
};

function command(path, method, { parameters = [], requestBody }) {
  const example = ({ name, schema }) => encodeURIComponent(schema.examples?.[0] ?? name);
  const url = location.origin + parameters.reduce((url, one) => url.replace(`{${one.name}}`, example(one)), path);
  if (method === "get") return `curl ${url}`;
  const body = requestBody?.content["application/json"]?.example ?? EXAMPLES[path];
  return body ? `curl ${url} -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'` : `curl ${url} -F file=@sentences.txt`;
}

function block(title, text) {
  return text ? [element("h3", {}, title), element("pre", {}, text)] : [];
}

function entry(api, path, method, it) {
  const entry = element("details", { open: "" }), title = element("summary");
  title.append(element("b", { class: "method" }, method.toUpperCase()), element("code", {}, path), ` ${it.description ?? ""}`);
  const [taken] = Object.values(it.requestBody?.content ?? {});
  const [given] = Object.values(it.responses["200"]?.content ?? {});
  entry.append(title, ...block("Request", fields(api, taken?.schema)), ...block("Response", fields(api, given?.schema)), ...block("Try it", command(path, method, it)));
  return entry;
}

for (const { url, title, error } of APIS) {
  const api = await (await fetch(url)).json();
  const entries = Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, it]) => entry(api, path, method, it)));
  const errors = block("Error response, with status 4xx or 5xx", fields(api, { $ref: error }));
  document.getElementById("paths").append(element("h2", {}, title), element("p", {}, api.info.description), ...entries, ...errors);
}
