// The page: sends what users type to the JSON interface, and shows the responses.

import { drawGauge, drawMap, element } from "./drawing.js";
import { CLUSTERED, PAIRS, QUERIES, STRINGS } from "./strings.js";

const by = (id) => document.getElementById(id);
const state = {
  about: null, corpora: [], language: remembered() ?? (navigator.language.startsWith("ko") ? "ko" : "en"),
  redraw: {}, latest: {}, opened: new Set(),
};
let say = STRINGS[state.language];

function remembered() {
  try { return STRINGS[localStorage.getItem("language")] && localStorage.getItem("language"); } catch { return null; }
}

const fill = (text, values) => text.replace(/{(\w+)}/g, (_, name) => {
  const value = values[name] ?? "";
  return typeof value === "number" ? value.toLocaleString(state.language) : value;
});
const megabytes = () => state.about.limits.body / (1 << 20);

class Problem extends Error {
  constructor(found) { super(found.message); this.found = found; }
}

async function ask(path, body) {
  const form = body instanceof FormData;
  const request = body && { method: "POST", body: form ? body : JSON.stringify(body), headers: form ? {} : { "Content-Type": "application/json" } };
  let answer;
  try { answer = await fetch(path, request); } catch { throw new Problem({ code: "network" }); }
  if (answer.ok) return answer.json();
  throw new Problem(await answer.json().catch(() => ({ code: answer.status === 503 ? "busy" : "request", message: answer.statusText })));
}

// What is said of sentences that are longer than the model reads.
const cut = (count) => (count ? ` ${fill(say.cut, { count, tokens: state.about.max_length })}` : "");

// Whether two sentences are more likely a match than not.
const matched = (cosine) => state.about.match !== null && cosine >= state.about.match;

const words = ({ code, message = "", ...rest }) =>
  fill(say.errors[code] ?? say.errors.request, { message, megabytes: megabytes(), ...rest });

// Runs a job of a section and shows its status in the chosen language. A job that a user starts disables the buttons
// until it ends; the one that opens a section does not, and a user's job takes its place. `get` asks the server.
async function run(section, job, opening = false) {
  const status = by(section).querySelector(".status"), buttons = by(section).querySelectorAll("button");
  if (buttons[0].disabled) return;
  const mine = Symbol(), current = () => state.latest[section] === mine;
  state.latest[section] = mine;
  const tell = (write, bad) => {
    if (!current()) return;
    state.redraw[`${section} status`] = () => { status.textContent = write(); };
    status.classList.toggle("bad", bad);
    status.textContent = write();
  };
  const get = async (path, body) => {
    const answer = await ask(path, body);
    if (!current()) throw new Problem({ code: "superseded" });
    return answer;
  };
  if (!opening) buttons.forEach((button) => { button.disabled = true; });
  try {
    tell(() => say.working, false);
    const done = await job(get, tell);
    tell(done, false);
  } catch (error) {
    const found = error.found ?? { code: "request", message: error.message };
    tell(() => words(found), true);
    if (found.code === "gone") forget();
  } finally {
    if (!opening) buttons.forEach((button) => { button.disabled = false; });
  }
}

function filled(...ids) {
  return ids.map((id) => {
    const value = by(id).value.trim();
    by(id).setAttribute("aria-invalid", !value);
    if (!value) { by(id).focus(); throw new Problem({ code: "empty" }); }
    return value;
  });
}

// Shows something now, and again when the language changes.
function shown(name, draw) { state.redraw[name] = draw; draw(); }

// Search

function search(opening = false) {
  run("search", async (get) => {
    by("hits").replaceChildren();
    const [query] = filled("query");
    const { hits, corpus, truncated } = await get("/api/search", { query, corpus: by("corpus").value });
    by("hits").replaceChildren(...hits.map(({ text, score, sts_score }) => {
      const item = element("li"), bar = element("span", { class: "bar", "aria-hidden": true }), part = element("i");
      part.style.width = `${Math.max(0, Math.min(1, sts_score === null ? score : sts_score / 5)) * 100}%`;
      bar.append(part);
      item.append(element("span", { class: "text" }, text), element("span", { class: "score" }, score.toFixed(2)), bar);
      if (matched(score)) item.append(element("span", { class: "match", "data-text": "match" }, say.match));
      return item;
    }));
    return () => note(query, corpus) + fill(say.found, { size: corpus.size, count: hits.length }) + cut(truncated);
  }, opening);
}

// What an example shows, where the query is one.
function note(query, { name, samples }) {
  const text = name ? samples.includes(query) && say.sample : say.queries[QUERIES.indexOf(query)];
  return text ? `${text} ` : "";
}

// The examples of the chosen corpus: its own sentences, but for the built-in one.
function examples() {
  const corpus = state.corpora.find(({ token }) => token === by("corpus").value);
  return corpus.name ? corpus.samples : QUERIES;
}

function showCorpora(chosen = by("corpus").value) {
  by("corpus").replaceChildren(...state.corpora.map(({ token, name, size }) =>
    element("option", { value: token }, fill(say.choice, { name: name || say.built_in, size }))));
  by("corpus").value = chosen;
  showExamples();
}

function showExamples() {
  by("search-examples").replaceChildren(...examples().map((text) => example(text, () => { by("query").value = text; search(); })));
}

function forget() {
  state.corpora = state.corpora.filter(({ token }) => token !== by("corpus").value || !token);
  showCorpora("");
}

function upload(column = "") {
  const [file] = by("file").files;
  if (!file) return;
  run("search", async (get, tell) => {
    by("hits").replaceChildren();
    by("columns").hidden = true;
    if (file.size > state.about.limits.body * 0.99) throw new Problem({ code: "large" });
    tell(() => fill(say.reading, { name: file.name }), false);
    const form = new FormData();
    form.append("file", file);
    if (column) form.append("column", column);
    const corpus = await get("/api/corpora", form).catch((error) => {
      if (error.found.code === "column") {
        by("column").replaceChildren(...error.found.columns.map((name) => element("option", { value: name }, name)));
        by("columns").hidden = false;
      }
      throw error;
    });
    state.corpora.push(corpus);
    showCorpora(corpus.token);
    return () => fill(say.uploaded, corpus) + cut(corpus.truncated);
  });
}

// Similarity

function compare(opening = false) {
  run("similarity", async (get) => {
    by("gauge").hidden = true;
    by("gauge").replaceChildren();
    const [first, second] = filled("first", "second");
    const found = await get("/api/similarity", { first, second });
    by("gauge").hidden = false;
    shown("gauge", () => drawGauge(by("gauge"), { ...found, matched: matched(found.cosine) }, say));
    return () => cut(found.truncated);
  }, opening);
}

function putPair([first, second]) {
  by("first").value = first;
  by("second").value = second;
}

function showPairs() {
  by("pair-examples").replaceChildren(...PAIRS.map((pair, index) => example(say.pairs[index], () => { putPair(pair); compare(); })));
}

// Clusters

function cluster(opening = false) {
  run("cluster", async (get) => {
    by("clusters").hidden = true;
    by("map").replaceChildren();
    filled("sentences");
    const sentences = by("sentences").value.split("\n").map((line) => line.trim()).filter(Boolean);
    const found = await get("/api/cluster", { sentences, groups: Number(by("groups").value) || null });
    by("clusters").hidden = false;
    shown("map", () => drawMap({ map: by("map"), legend: by("legend"), caption: by("shown") }, sentences, found, say));
    return () => fill(say.grouped, { sentences: sentences.length, groups: found.groups.length }) + cut(found.truncated);
  }, opening);
}

function putSentences() {
  by("sentences").value = CLUSTERED;
  by("groups").value = "5";
}

// The frame

// What each section opens with: an example, unless its fields have something already, as a browser may restore them.
const OPENING = {
  search() {
    by("query").value ||= examples()[0] ?? "";
    if (by("query").value) search(true);
  },
  similarity() {
    if (!by("first").value && !by("second").value) putPair(PAIRS[0]);
    if (by("first").value && by("second").value) compare(true);
  },
  cluster() {
    if (!by("sentences").value) putSentences();
    cluster(true);
  },
};

// Computes what a section opens with, when it is first shown.
function open(section) {
  if (!state.about || state.opened.has(section)) return;
  state.opened.add(section);
  OPENING[section]();
}

function example(text, action) {
  const button = element("button", { type: "button" }, text);
  button.addEventListener("click", action);
  return button;
}

function choose(tab, focus = false) {
  for (const other of by("tabs").children) {
    const on = other === tab;
    other.setAttribute("aria-selected", on);
    other.tabIndex = on ? 0 : -1;
    by(other.getAttribute("aria-controls")).hidden = !on;
  }
  if (focus) tab.focus();
  history.replaceState(null, "", `#${tab.getAttribute("aria-controls")}`);
  open(tab.getAttribute("aria-controls"));
}

function speak(language) {
  state.language = language;
  say = STRINGS[language];
  document.documentElement.lang = language;
  try { localStorage.setItem("language", language); } catch { /* it is not remembered, then */ }
  document.querySelectorAll("[data-text]").forEach((node) => { node.textContent = say[node.dataset.text]; });
  by("tabs").setAttribute("aria-label", say.tabs);
  by("language").textContent = say.other;
  by("language").lang = language === "ko" ? "en" : "ko";
  if (!state.about) return;
  const { match, limits: { sentences, minutes } } = state.about;
  by("threshold").textContent = match === null ? "" : fill(say.threshold, { match: match.toFixed(2) });
  by("upload-hint").textContent = fill(say.upload_hint, { megabytes: megabytes(), sentences, minutes });
  by("groups").options[0].textContent = say.automatic;
  showCorpora();
  showPairs();
  Object.values(state.redraw).forEach((draw) => draw());
}

function listen() {
  const tabs = [...by("tabs").children];
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (step) choose(tabs[(index + step + tabs.length) % tabs.length], true);
    });
  });
  choose(tabs.find((tab) => `#${tab.getAttribute("aria-controls")}` === location.hash) ?? tabs[0]);
  for (const [section, job] of Object.entries({ search, similarity: compare, cluster })) {
    by(section).querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); job(); });
  }
  by("language").addEventListener("click", () => speak(state.language === "ko" ? "en" : "ko"));
  by("corpus").addEventListener("change", () => {
    showExamples();
    if (by("query").value.trim()) search(); else by("hits").replaceChildren();
  });
  by("file").addEventListener("click", () => { by("file").value = ""; });
  by("file").addEventListener("change", () => upload());
  by("take").addEventListener("click", () => upload(by("column").value));
  by("cluster-example").addEventListener("click", () => { putSentences(); cluster(); });
}

speak(state.language);
listen();
try {
  state.about = await ask("/api/about");
  state.corpora = [state.about.corpus];
  by("model").textContent = state.about.model;
  const numbers = Array.from({ length: state.about.limits.groups - 1 }, (_, index) => String(index + 2));
  by("groups").append(element("option", { value: "" }), ...numbers.map((number) => element("option", { value: number }, number)));
  speak(state.language);
  open(by("tabs").querySelector("[aria-selected=true]").getAttribute("aria-controls"));
  document.body.dataset.ready = "yes";
} catch {
  by("model").textContent = say.errors.network;
}
