// Shows /openapi.json: each path with what it takes and gives, and a command to try it.

import { element } from "./drawing.js";

const api = await (await fetch("/openapi.json")).json();

const named = (schema) => (schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema);

// A schema as one reads it: names, types, limits, and what they mean.
function typed(schema) {
  const { type, anyOf, items, prefixItems, maxLength, minimum, maximum, maxItems, additionalProperties } = named(schema);
  if (anyOf) return anyOf.map(typed).join(" | ");
  const kind = prefixItems ? `[${prefixItems.map(typed).join(", ")}]`
    : items ? `[${typed(items)}, …]`
    : schema.$ref ? schema.$ref.split("/").pop()
    : additionalProperties ? `{name: ${typed(additionalProperties)}}`
    : schema.contentMediaType || schema.format === "binary" ? "file" : type;
  const limits = [maxLength && `at most ${maxLength} characters`, maxItems && `at most ${maxItems}`, maximum && `${minimum} to ${maximum}`];
  return [kind, ...limits.filter(Boolean).map((limit) => `(${limit})`)].join(" ");
}

function fields(schema) {
  const { properties = {}, required = [] } = named(schema) ?? {};
  return Object.entries(properties).map(([name, value]) => {
    const rest = [required.includes(name) ? "" : `default ${JSON.stringify(value.default ?? null)}`, value.description ?? ""];
    return `${name}: ${typed(value)}${rest.filter(Boolean).map((part) => `; ${part}`).join("")}`;
  }).join("\n");
}

const EXAMPLES = {
  "/api/search": { query: "날씨가 궁금해요", top: 3 },
  "/api/similarity": { first: "비가 온다.", second: "우산이 필요하다." },
  "/api/cluster": { sentences: ["비가 온다.", "눈이 온다.", "밥을 먹는다.", "국을 끓인다."], groups: 2 },
};

function command(path, method) {
  const url = `${location.origin}${path}`;
  if (method === "get") return `curl ${url}`;
  if (!EXAMPLES[path]) return `curl ${url} -F file=@sentences.txt`;
  return `curl ${url} -H 'Content-Type: application/json' -d '${JSON.stringify(EXAMPLES[path])}'`;
}

function block(title, text) {
  return text ? [element("h3", {}, title), element("pre", {}, text)] : [];
}

const entries = Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, it]) => {
  const entry = element("details", { open: "" }), title = element("summary");
  title.append(element("b", { class: "method" }, method.toUpperCase()), element("code", {}, path), ` ${it.description ?? ""}`);
  const [taken] = Object.values(it.requestBody?.content ?? {});
  const [given] = Object.values(it.responses["200"]?.content ?? {});
  entry.append(title, ...block("Takes", fields(taken?.schema)), ...block("Gives", fields(given?.schema)), ...block("Try it", command(path, method)));
  return entry;
}));
document.getElementById("paths").append(element("p", {}, api.info.description), ...entries, ...block("Errors: a status of 4xx or 503, with", fields({ $ref: "#/components/schemas/ErrorResponse" })));
