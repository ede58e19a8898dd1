// What is declared and what is known of it: lineage, sources, views with their features, models.

import { get } from "./api.js";
import { bars } from "./charts.js";
import { ago, facts, h, id, mark, minute, number, percent, s, section, table, length } from "./dom.js";

export async function page({ given }) {
  const found = await get("catalogue");
  const wanted = (given.get("find") ?? "").toLowerCase();
  const content = h("div", {});
  const field = h("input", { type: "search", value: wanted, placeholder: "a name, a tag, an owner", oninput: () => draw(field.value) });
  const draw = (text) => content.replaceChildren(...entries(found, text.trim().toLowerCase()));
  draw(wanted);
  return [
    h("div", { class: "top" }, h("h1", {}, "Catalogue"), h("label", { class: "end" }, "Find", field)),
    section("Lineage", h("div", { class: "lineage" }, lineage(found))),
    content,
  ];
}

function entries(found, wanted) {
  const has = (...texts) => texts.flat().some((text) => text && text.toLowerCase().includes(wanted));
  const sources = found.sources.filter((each) => has(each.name, Object.keys(each.columns)));
  const views = found.views.filter((each) => has(each.name, each.owner, each.tags, each.source, each.features.map((feature) => feature.name)));
  const models = found.models.filter((each) => has(each.name, each.task, each.views));
  const shown = [...models.map(model), ...views.map((each) => view(each, wanted)), ...sources.map(source)];
  return shown.length ? shown : [h("p", { class: "empty" }, "Nothing is called so.")];
}

function source(each) {
  const entities = Object.entries(each.entities).map(([name, keys]) => `${name} (${keys.join(", ")})`);
  return h("section", { id: `source-${each.name}` },
    h("div", { class: "top" }, h("h2", {}, each.name), mark("source")),
    facts({
      entities: entities.join("; "), "event timestamp": each.event_timestamp, "recorded at": each.recorded_at ?? "when ingested",
      tiebreaker: each.tiebreaker ?? "none", records: each.rows === null ? "none yet" : number(each.rows),
      checks: each.checks.join("; "),
    }),
    h("details", {}, h("summary", {}, `${Object.keys(each.columns).length} columns`),
      table([{ title: "column", head: true, value: ([name]) => name }, { title: "type", value: ([, type]) => type }], Object.entries(each.columns))));
}

function view(each, wanted) {
  const named = each.features.filter((feature) => wanted && feature.name.toLowerCase().includes(wanted));
  return h("section", { id: `view-${each.name}` },
    h("div", { class: "top" }, h("h2", {}, each.name), mark("feature view"), each.tags.map((tag) => mark(tag))),
    each.description && h("p", {}, each.description),
    facts({
      entity: `${each.entity} (${each.keys.join(", ")})`, source: each.source, owner: each.owner, refreshed: each.refreshed,
      "valid for": each.ttl_seconds ? length(each.ttl_seconds) : null, version: id(each.definition_hash),
      online: each.as_of ? h("span", {}, `${number(each.rows)} rows, as of `, minute(each.as_of), " (", ago(each.as_of), ")") : "not materialized",
    }),
    features(named.length ? named : each.features));
}

function features(rows) {
  return table([
    { title: "feature", head: true, value: (each) => each.name },
    { title: "type", value: (each) => each.type },
    { title: "SQL", value: (each) => h("code", {}, each.expression) },
    { title: "window", value: (each) => each.seen },
    { title: "null", number: true, value: (each) => percent(each.null_share) },
    { title: "trained on", value: (each) => Object.values(each.distribution).slice(0, 1).map((histogram) => bars(histogram, each.name)) },
    { title: "read by", value: (each) => each.models.join(", ") },
  ], rows);
}

function model(each) {
  return h("section", { id: `model-${each.name}` },
    h("div", { class: "top" }, h("h2", {}, each.name), mark("model"), mark(each.task), each.is_default && mark("default", "good")),
    facts({
      learns: `${each.label}, of ${each.events}`, reads: each.views.join(", ") || "request values alone",
      "asked by": [...each.keys, ...Object.entries(each.request).map(([name, type]) => `${name} (${type})`)].join(", "),
      champion: each.champion ? h("a", { href: `#/releases/${encodeURIComponent(each.champion)}` }, each.champion) : "none",
    }),
    each.derived.length ? features(each.derived) : null);
}

const BOX = { width: 180, height: 30, gap: 14, across: 110 };

/** Sources, the views over them, and the models that read these, in three columns. */
function lineage(found) {
  const columns = [
    found.sources.map((each) => ({ key: `source-${each.name}`, name: each.name, from: [] })),
    found.views.map((each) => ({ key: `view-${each.name}`, name: each.name, from: [`source-${each.source}`] })),
    found.models.map((each) => ({ key: `model-${each.name}`, name: each.name, from: each.views.map((name) => `view-${name}`) })),
  ];
  const places = new Map();
  columns.forEach((column, x) => column.forEach((node, y) => places.set(node.key, {
    x: x * (BOX.width + BOX.across) + 1, y: y * (BOX.height + BOX.gap) + 1,
  })));
  const tall = Math.max(...columns.map((column) => column.length));
  const size = { width: 3 * BOX.width + 2 * BOX.across + 2, height: tall * (BOX.height + BOX.gap) };
  const nodes = columns.flat();
  return s("svg", { ...size, viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": "Which model reads which view of which source" },
    nodes.flatMap((node) => node.from.map((from) => edge(places.get(from), places.get(node.key)))),
    nodes.map((node) => box(node, places.get(node.key))));
}

function edge(from, to) {
  if (!from) return null;
  const [x, y, end, at] = [from.x + BOX.width, from.y + BOX.height / 2, to.x, to.y + BOX.height / 2];
  const middle = (x + end) / 2;
  return s("path", { class: "edge", d: `M${x},${y} C${middle},${y} ${middle},${at} ${end},${at}` });
}

function box(node, { x, y }) {
  const shown = node.name.length > 24 ? `${node.name.slice(0, 23)}…` : node.name;
  return s("g", { class: "node", transform: `translate(${x},${y})` },
    s("title", {}, node.name),
    s("rect", { width: BOX.width, height: BOX.height, rx: 7 }),
    s("text", { x: 10, y: 20 }, shown));
}
