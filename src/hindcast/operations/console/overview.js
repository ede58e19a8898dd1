// The state of the stack: what answers, how old the features are, what drifts, what runs.

import { get } from "./api.js";
import { ago, facts, h, length, light, mark, minute, number, section, short } from "./dom.js";
import { runTable, working } from "./runs.js";

const RUNS = 12;
let seconds = 30;

/** How soon it is read again: sooner while something runs. */
export const refreshes = () => seconds;

export async function page() {
  const [status, { runs }] = await Promise.all([get("status"), get(`runs?limit=${RUNS}`)]);
  const checks = await Promise.all(Object.keys(status.models).map(newest));
  seconds = runs.some(working) ? 3 : 30;
  return [
    h("h1", {}, "Overview"),
    h("div", { class: "cards" }, Object.entries(status.models).map(([name, each], at) => model(name, each, checks[at]))),
    section("Features", views(status.features)),
    section("Latest runs", runTable(runs)),
  ];
}

/** The newest check of a model for drift, if there was any. */
const newest = async (name) => (await get(`models/${encodeURIComponent(name)}/drift?limit=1`)).checks[0];

function model(name, each, check) {
  const [kind, text] = drifting(check, each.champion);
  return h("div", { class: "card" },
    h("div", { class: "top" }, h("h2", {}, name), h("a", { class: "end", href: `#/drift?model=${encodeURIComponent(name)}` }, light(kind, text))),
    facts({
      champion: each.champion ? release(each.champion) : h("span", { class: "bad" }, "none: hindcast train"),
      since: each.since && ago(each.since),
      challenger: each.challenger && release(each.challenger),
      releases: each.releases,
    }),
    each.canary && canary(each.champion, each.canary));
}

const release = (name) => h("a", { href: `#/releases/${encodeURIComponent(name)}` }, short(name));

function canary(champion, { release: name, percent }) {
  return h("div", {},
    h("div", { class: "split", role: "img", "aria-label": `${percent}% of the traffic goes to ${name}` },
      h("span", { style: `width:${100 - percent}%` }), h("span", { style: `width:${percent}%` })),
    h("small", {}, `${number(100 - percent)}% ${short(champion)}, ${number(percent)}% canary `, release(name)));
}

function drifting(check, champion) {
  if (!check) return ["", "drift: not looked for"];
  if (check.release !== champion) return ["", "drift: not looked for since the promotion"];
  const alerts = check.findings.filter((each) => each.alert).length;
  if (alerts) return ["bad", `drift: ${alerts} moved`];
  if (check.findings.length) return ["warn", `drift: ${check.findings.length} moved once`];
  return Object.keys(check.measures).length ? ["good", "no drift"] : ["", "drift: too few rows to judge"];
}

function views(features) {
  const rows = Object.entries(features);
  if (!rows.length) return h("p", { class: "empty" }, "The project declares no feature view.");
  return h("div", { class: "cards" }, rows.map(([name, each]) => h("div", {},
    h("strong", {}, name), " ", each.as_of ? mark(`${length(each.age_seconds)} old`) : mark("not materialized", "warn"),
    h("div", {}, h("small", {}, each.as_of ? h("span", {}, `${number(each.rows)} rows, as of `, minute(each.as_of)) : "hindcast materialize")))));
}
