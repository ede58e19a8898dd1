// What moved: the checks of a model over time, and the newest one in detail.

import { get } from "./api.js";
import { trend } from "./charts.js";
import { framed } from "./framed.js";
import { h, id, light, mark, minute, number, section, short, table } from "./dom.js";

const CHARTS = 12;

export async function page({ given }) {
  const { models } = await get("catalogue");
  const heading = h("h1", {}, "Drift");
  if (!models.length) return [heading, h("p", { class: "empty" }, "The project declares no model.")];
  const model = models.find((each) => each.name === given.get("model")) ?? models.find((each) => each.is_default) ?? models[0];
  const { checks, limit } = await get(`models/${encodeURIComponent(model.name)}/drift`);
  const choose = h("select", { onchange: () => (location.hash = `#/drift?model=${encodeURIComponent(choose.value)}`) },
    models.map((each) => h("option", { selected: each === model }, each.name)));
  const top = h("div", { class: "top" }, heading, h("label", { class: "end" }, "model", choose));
  if (!checks.length) return [top, h("p", { class: "empty" }, `Nothing was compared yet: hindcast drift ${model.name}`)];
  const [newest] = checks;
  return [top, section(null, summary(newest)), section("What moved", findings(newest)), section("Over time: population stability", over(checks, limit)), whole(model, newest)];
}

/** The page of a check, read when it is opened. */
function whole(model, check) {
  const path = `models/${encodeURIComponent(model.name)}/drift/${encodeURIComponent(check.run)}`;
  const show = h("button", { onclick: () => show.replaceWith(framed("What the check found", path)) }, "Show the whole check");
  return section(null, show);
}

function summary(check) {
  const alerts = check.findings.filter((each) => each.alert).length;
  const [kind, text] = alerts ? ["bad", `${alerts} moved`] : check.findings.length ? ["warn", `${check.findings.length} moved once`] : ["good", "nothing moved"];
  return h("p", {}, light(kind, text), " from ", minute(check.since), " to ", minute(check.until), ", against ",
    h("a", { href: `#/releases/${encodeURIComponent(check.release)}` }, short(check.release)), ", run ", h("a", { href: `#/runs/${encodeURIComponent(check.run)}` }, id(check.run)));
}

function findings(check) {
  const rows = [...check.findings].sort((one, other) => other.alert - one.alert || other.value - one.value);
  return table([
    { title: "what", head: true, value: (each) => `${each.kind} ${each.name}${each.slice ? `, where ${each.slice}` : ""}` },
    { title: "of", value: (each) => each.population },
    { title: "statistic", value: (each) => each.statistic },
    { title: "value", number: true, value: (each) => number(each.value) },
    { title: "p", number: true, value: (each) => (each.p_value === null ? "" : each.p_value.toPrecision(2)) },
    { title: "rows", number: true, value: (each) => number(each.current_rows) },
    { title: "windows", number: true, value: (each) => each.windows },
    { title: "", value: (each) => (each.alert ? mark("alert", "bad") : mark("once", "warn")) },
    { title: "since", value: (each) => minute(each.since) },
  ], rows, { empty: "Nothing moved in this window." });
}

/** A line for each population and column, those that moved most in the newest check first. */
function over(checks, limit) {
  const lines = new Map();
  for (const check of [...checks].reverse()) {
    for (const [population, measures] of Object.entries(check.measures)) {
      for (const [column, value] of Object.entries(measures)) {
        const key = `${column}, ${population}`;
        if (!lines.has(key)) lines.set(key, []);
        lines.get(key).push({ at: check.until, value });
      }
    }
  }
  if (!lines.size) return h("p", { class: "empty" }, "There were too few rows to judge.");
  const chosen = [...lines].sort(([, one], [, other]) => other.at(-1).value - one.at(-1).value).slice(0, CHARTS);
  return h("div", { class: "small-multiples" }, chosen.map(([name, points]) => trend(points, limit, name)));
}
