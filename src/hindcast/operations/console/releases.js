// Releases with their cards, and two of them side by side.

import { get } from "./api.js";
import { framed } from "./framed.js";
import { ago, facts, h, id, mark, minute, number, section, short, table, value } from "./dom.js";

const STATES = { champion: "good", refused: "bad", canary: "warn" };

export async function page({ rest, given }) {
  if (given.getAll("of").length === 2) return compared(given.getAll("of"));
  if (rest.length) return one(rest[0]);
  return listed(given.get("model"));
}

async function listed(model) {
  const { releases } = await get(`releases?limit=200${model ? `&model=${encodeURIComponent(model)}` : ""}`);
  const chosen = new Set();
  const compare = h("button", { class: "primary end", disabled: true, onclick: () => (location.hash = `#/releases?${new URLSearchParams([...chosen].map((name) => ["of", name]))}`) }, "Compare two");
  const tick = (event, name) => {
    if (event.target.checked) chosen.add(name);
    else chosen.delete(name);
    compare.disabled = chosen.size !== 2;
  };
  return [
    h("div", { class: "top" }, h("h1", {}, "Releases"), compare),
    section(null, table([
      { title: "", value: (each) => h("input", { type: "checkbox", "aria-label": `Compare ${each.release}`, onchange: (event) => tick(event, each.release) }) },
      { title: "release", head: true, value: (each) => h("a", { href: `#/releases/${encodeURIComponent(each.release)}` }, short(each.release)) },
      { title: "model", value: (each) => each.model },
      { title: "version", number: true, value: (each) => each.version },
      { title: "state", value: (each) => mark(each.state, STATES[each.state] ?? "") },
      { title: "holdout", number: true, value: (each) => each.worth },
      { title: "trained as of", value: (each) => minute(each.trained_as_of) },
      { title: "created", value: (each) => ago(each.created_at) },
    ], releases, { href: (each) => `#/releases/${encodeURIComponent(each.release)}`, empty: "Nothing was trained yet: hindcast train" })),
  ];
}

async function one(name) {
  const release = await get(`releases/${encodeURIComponent(name)}`);
  return [
    h("div", { class: "top" }, h("h1", {}, short(release.release)), mark(release.state, STATES[release.state] ?? "")),
    section(null, facts({ model: release.model, version: release.version, "trained as of": minute(release.trained_as_of), created: ago(release.created_at), run: run(release.run_id) })),
    framed(`Model card of ${name}`, `releases/${encodeURIComponent(name)}/card`),
  ];
}

const run = (name) => (name ? h("a", { href: `#/runs/${encodeURIComponent(name)}` }, id(name)) : null);

async function compared(names) {
  const [left, right] = await Promise.all(names.map((name) => get(`releases/${encodeURIComponent(name)}`)));
  const rows = [...metrics(left, right), ...numbers("trained on", left, right)];
  const same = JSON.stringify(left.manifest.views) === JSON.stringify(right.manifest.views);
  return [
    h("h1", {}, "Side by side"),
    section(null, table([
      { title: "", head: true, value: ([name]) => name },
      { title: short(left.release), value: ([, first]) => first },
      { title: short(right.release), value: ([, , second]) => second },
      { title: "difference", number: true, value: ([, , , difference]) => difference ?? "" },
    ], [
      ["state", mark(left.state, STATES[left.state]), mark(right.state, STATES[right.state])],
      ["version", left.version, right.version],
      ["trained as of", minute(left.trained_as_of), minute(right.trained_as_of)],
      ["created", ago(left.created_at), ago(right.created_at)],
      ["views", same ? "the same versions" : views(left), same ? "the same versions" : views(right)],
      ...rows,
    ])),
    section("Features", table([
      { title: "feature", head: true, value: (each) => each },
      { title: short(left.release), value: (each) => told(left, each) },
      { title: short(right.release), value: (each) => told(right, each) },
    ], [...new Set([...Object.keys(left.metrics.features ?? {}), ...Object.keys(right.metrics.features ?? {})])])),
  ];
}

const views = (release) => Object.entries(release.manifest.views).map(([name, digest]) => `${name} ${digest.slice(0, 8)}`).join(", ");

const told = (release, name) => {
  const feature = release.metrics.features?.[name];
  return feature ? h("span", {}, h("code", {}, feature.sql), " ", h("small", {}, feature.window)) : "not read";
};

/** Every number of the holdout that both have, and by how much they differ. */
function metrics(left, right) {
  return Object.keys(left.metrics.holdout)
    .filter((name) => typeof left.metrics.holdout[name] === "number" && typeof right.metrics.holdout[name] === "number")
    .map((name) => row(name.replaceAll("_", " "), left.metrics.holdout[name], right.metrics.holdout[name]));
}

function numbers(title, left, right) {
  const [first, second] = [left, right].map((release) => release.metrics.training?.rows);
  return first && second ? [row(`${title}, rows`, first, second)] : [];
}

const row = (name, first, second) => [name, value(first), value(second), `${second > first ? "+" : ""}${number(second - first)}`];
