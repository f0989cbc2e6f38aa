// Embed with a pipeline of transformers.js: node … FOLDER TEXTS.json OUT.json [DTYPE], where DTYPE is fp32 or q8.

import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { env, pipeline } from "@huggingface/transformers";

const [folder, textsFile, out, dtype = "fp32"] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = dirname(resolve(folder));
const name = basename(folder);

const texts = JSON.parse(readFileSync(textsFile, "utf8"));
const config = JSON.parse(readFileSync(join(folder, "config_sentence_transformers.json"), "utf8"));
const prompt = config.prompts[config.default_prompt_name] ?? "";
const normalize = readFileSync(join(folder, "modules.json"), "utf8").includes("Normalize");

const extractor = await pipeline("feature-extraction", name, { dtype });
const embeddings = await extractor(texts.map((text) => prompt + text), { pooling: "mean", normalize });

const found = { versions: `transformers.js ${env.version}`, embeddings: { encode: embeddings.tolist() } };
writeFileSync(out, JSON.stringify(found));
