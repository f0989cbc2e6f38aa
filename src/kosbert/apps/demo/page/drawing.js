// The two pictures: a gauge, and a map of sentences. Users' text is inserted by textContent only.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 600, HEIGHT = 460, MARGIN = 40;

export function element(name, attributes = {}, text = "") {
  const made = name in { svg: 0, path: 0, circle: 0, text: 0 } ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

// Hues by the golden angle: neighbours in the list are far apart.
export const colour = (group) => `hsl(${(225 + group * 137.5) % 360} 62% var(--lightness))`;

// The gauge shows what the cosine means, from 0 to 5; of a model that cannot tell, the cosine itself.
export function drawGauge(container, { cosine, sts_score: score, matched }, say) {
  const known = score !== null, part = Math.max(0, Math.min(1, known ? score / 5 : cosine));
  const arc = (to) => {
    const angle = Math.PI * (1 - to);
    return `M 20 120 A 100 100 0 0 1 ${120 + 100 * Math.cos(angle)} ${120 - 100 * Math.sin(angle)}`;
  };
  const svg = element("svg", { viewBox: "0 0 240 150", role: "meter", "aria-label": known ? say.gauge : say.cosine, "aria-valuemin": known ? 0 : -1, "aria-valuemax": known ? 5 : 1, "aria-valuenow": (known ? score : cosine).toFixed(3) });
  svg.append(element("path", { d: arc(1), class: "arc track" }));
  if (part > 0.005) svg.append(element("path", { d: arc(part), class: "arc value" }));
  svg.append(element("text", { x: 120, y: 112, class: "figure" }, known ? score.toFixed(1) : cosine.toFixed(2)));
  svg.append(element("text", { x: 20, y: 146, class: "tick" }, "0"), element("text", { x: 220, y: 146, class: "tick" }, known ? "5" : "1"));
  const band = known ? say.bands[[1, 2.5, 4].filter((edge) => score >= edge).length] : "";
  const match = matched ? [element("span", { class: "match" }, say.match)] : [];
  container.replaceChildren(svg, element("strong", {}, band), element("small", {}, `${say.cosine} ${cosine.toFixed(2)}`), ...match);
}

// Draws the map and the legend: dots and groups show each other's sentences.
export function drawMap(containers, sentences, { groups, points }, say) {
  const { map, legend, caption } = containers;
  const groupOf = new Map(groups.flatMap((rows, group) => rows.map((row) => [row, group])));
  const hidden = new Set();
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, tabindex: 0, role: "application", "aria-label": say.map });
  const dots = points.map(([x, y], row) => {
    const dot = element("circle", { cx: WIDTH / 2 + x * (WIDTH / 2 - MARGIN), cy: HEIGHT / 2 - y * (HEIGHT / 2 - MARGIN), r: sentences.length > 120 ? 6 : 9 });
    dot.style.fill = colour(groupOf.get(row));
    dot.addEventListener("pointerenter", () => show(row));
    dot.addEventListener("click", () => show(row));
    return dot;
  });
  let current = -1;

  function show(row) {
    dots[current]?.classList.remove("on");
    current = row;
    dots[row].classList.add("on");
    caption.classList.add("on");
    caption.textContent = `${groupOf.get(row) + 1} · ${sentences[row]}`;
  }

  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const order = groups.filter((_, group) => !hidden.has(group)).flat();
    if (!step || !order.length) return;
    event.preventDefault();
    const at = order.indexOf(current);
    show(order[at < 0 ? 0 : (at + step + order.length) % order.length]);
  });

  svg.append(...dots);
  const entries = groups.map((rows, group) => {
    const entry = element("div"), button = element("button", { type: "button", "aria-pressed": true, title: say.toggle });
    const sign = element("svg", { viewBox: "0 0 10 10", "aria-hidden": true });
    const dot = element("circle", { cx: 5, cy: 5, r: 5 });
    dot.style.fill = colour(group);
    sign.append(dot);
    button.append(sign, element("span", {}, sentences[rows[0]]), element("span", {}, String(rows.length)));
    button.addEventListener("click", () => {
      if (!hidden.delete(group)) hidden.add(group);
      button.setAttribute("aria-pressed", !hidden.has(group));
      for (const row of rows) dots[row].style.display = hidden.has(group) ? "none" : "";
    });
    const list = element("ul");
    list.append(...rows.slice(1, 4).map((row) => element("li", {}, sentences[row])));
    if (rows.length > 4) list.append(element("li", {}, `+ ${rows.length - 4}`));
    entry.append(button, list);
    return entry;
  });
  map.replaceChildren(svg);
  legend.replaceChildren(...entries);
  caption.classList.remove("on");
  caption.textContent = say.hint;
}
