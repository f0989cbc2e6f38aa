// Embed with transformers.js: node … FOLDER TEXTS.json OUT.json [DTYPE], where DTYPE is fp32 or q8.

import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AutoModel, AutoTokenizer, env } from "@huggingface/transformers";

const [folder, textsFile, out, dtype = "fp32"] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = dirname(resolve(folder));
const name = basename(folder);

const texts = JSON.parse(readFileSync(textsFile, "utf8"));
const config = JSON.parse(readFileSync(join(folder, "config_sentence_transformers.json"), "utf8"));
const prompt = config.prompts[config.default_prompt_name] ?? "";

const tokenizer = await AutoTokenizer.from_pretrained(name);
const model = await AutoModel.from_pretrained(name, { dtype });

const inputs = tokenizer(texts.map((text) => prompt + text), { padding: true, truncation: true });
const [rows, length] = inputs.input_ids.dims;
for (let row = 0; row < rows; row++) {
  const last = (row + 1) * length - 1;
  if (inputs.attention_mask.data[last]) inputs.input_ids.data[last] = BigInt(tokenizer.sep_token_id);
}
const { sentence_embedding } = await model(inputs);

const found = { versions: `transformers.js ${env.version}`, embeddings: { encode: sentence_embedding.tolist() } };
writeFileSync(out, JSON.stringify(found));
